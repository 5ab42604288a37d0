/* The identity of an archive, the text of a network: one form only is accepted. */
#include "fuzz.h"
#include "network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cask_network *network = NULL;
    cask_buf text = CASK_BUF_INIT;
    int code;

    fuzz_memory_begin();
    code = cask_network_parse(&network, (const char *)data, size);
    fuzz_memory_end(4096);
    FUZZ_CHECK(code == CASK_OK || code == CASK_E_INVALID || code == CASK_E_UNSUPPORTED);
    if (code == CASK_OK) {
        FUZZ_CHECK(cask_network_format(&text, network) == CASK_OK);
        FUZZ_CHECK(text.size == size && memcmp(text.data, data, size) == 0);
    }
    cask_buf_dispose(&text);
    cask_network_free(network);
    return 0;
}

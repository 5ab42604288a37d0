/* A program outside the project: the installed headers and library are all that it needs. */
#include <slotcask/archive.h>
#include <slotcask/era.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    cask_archive *archive = NULL;

    if (strcmp(cask_version(), CASK_VERSION) != 0 || cask_network_names()[0] == NULL)
        return 1;
    if (cask_archive_open(&archive, "no-such-archive", NULL) != CASK_E_NOTFOUND)
        return 1;
    puts(cask_error_last()->message);
    return 0;
}

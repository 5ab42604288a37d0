/* Names of era files: CONFIG_NAME-EEEEE-SSSSSSSS.era (era format specification, "File name"). */
#ifndef CASK_ERA_NAME_H
#define CASK_ERA_NAME_H

#include "slotcask/era.h"

/* Room for any name, with its NUL. */
#define ERA_NAME_SIZE 128u

/* The file name for `name`, as cask_era_name_parse() reads it. */
void era_name_format(char out[ERA_NAME_SIZE], const cask_era_name *name);

#endif

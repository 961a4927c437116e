/* The profile as a table, the slowest kernel first, and as JSON. */
#ifndef LPC_TOOLS_PROFILE_TABLE_H
#define LPC_TOOLS_PROFILE_TABLE_H

#include "lib/profile/profile.h"

/* At most so many rows. */
void profile_print(const ProfileResult *result, Arena *arena, int rows);
void profile_print_json(const ProfileResult *result);

#endif

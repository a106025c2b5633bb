/* attr.c - the constraints of attributes. */
#include "stc/attr.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool stc_attr_meets(const char *check, double value)
{
    if (isnan(value)) return false;
    if (!check) return true;
    if (strcmp(check, "finite") == 0) return isfinite(value);
    if (strncmp(check, ">=", 2) == 0) return value >= strtod(check + 2, NULL);
    if (check[0] == '>') return value > strtod(check + 1, NULL);
    return true;
}

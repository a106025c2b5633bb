/* attr.h - the attributes that ops and neuron models say they have: name, type, default,
 * constraint. Local. Implementation: src/base/attr.c. */
#ifndef STC_ATTR_H
#define STC_ATTR_H

#include <stdbool.h>

typedef enum {
    STC_ATTR_INT,
    STC_ATTR_BOOL,
    STC_ATTR_REAL,
    STC_ATTR_EACH,   /* REAL that may differ from neuron to neuron: one number, or an array that
                        broadcasts to the shape of the node */
    STC_ATTR_INTS,   /* list of integers; one value stands for all of `length` */
    STC_ATTR_CHOICE, /* one of the words in `choices` */
    STC_ATTR_WEIGHT
} stc_attr_kind;

typedef struct {
    const char *name; /* in files and in the builder; NIR's name where NIR has one */
    stc_attr_kind kind;
    bool required;
    double initial; /* default of INT, BOOL, REAL, EACH, CHOICE (index), INTS (every entry) */
    const char
        *check; /* "", "> 0", ">= 0", ">= 1", "finite": constraint on every number; ">= a" form */
    int length; /* INTS: expected number of entries, 0: any up to STC_MAX_NDIM */
    const char *choices; /* CHOICE: words separated by spaces */
    const char *help;    /* one line with the unit */
} stc_attr_spec;

/* Does a number meet a constraint: "", "finite", "> a", ">= a"? NaN meets none; NULL is "". */
bool stc_attr_meets(const char *check, double value);

#endif

/* populations.c - the list of population models for each instruction set and type of state. */
#include "population_model.h"

#define POPULATION(name)                                                                           \
    extern const stc_population_model STC_POPULATION_JOIN(name, scalar, double);
#include "list.h"
#define POPULATION(name) extern const stc_population_model STC_POPULATION_JOIN(name, avx2, double);
#include "list.h"
#define POPULATION(name)                                                                           \
    extern const stc_population_model STC_POPULATION_JOIN(name, avx512, double);
#include "list.h"
#define POPULATION(name) extern const stc_population_model STC_POPULATION_JOIN(name, scalar, float);
#include "list.h"
#define POPULATION(name) extern const stc_population_model STC_POPULATION_JOIN(name, avx2, float);
#include "list.h"
#define POPULATION(name) extern const stc_population_model STC_POPULATION_JOIN(name, avx512, float);
#include "list.h"

static const stc_population_model *const scalar_double[] = {
#define POPULATION(name) &STC_POPULATION_JOIN(name, scalar, double),
#include "list.h"
};
static const stc_population_model *const avx2_double[] = {
#define POPULATION(name) &STC_POPULATION_JOIN(name, avx2, double),
#include "list.h"
};
static const stc_population_model *const avx512_double[] = {
#define POPULATION(name) &STC_POPULATION_JOIN(name, avx512, double),
#include "list.h"
};
static const stc_population_model *const scalar_float[] = {
#define POPULATION(name) &STC_POPULATION_JOIN(name, scalar, float),
#include "list.h"
};
static const stc_population_model *const avx2_float[] = {
#define POPULATION(name) &STC_POPULATION_JOIN(name, avx2, float),
#include "list.h"
};
static const stc_population_model *const avx512_float[] = {
#define POPULATION(name) &STC_POPULATION_JOIN(name, avx512, float),
#include "list.h"
};

const stc_population_model *const *stc_population_models(const char *isa, bool single, int *n)
{
    *n = (int)(sizeof scalar_double / sizeof *scalar_double);
    if (strcmp(isa, "avx512") == 0) return single ? avx512_float : avx512_double;
    if (strcmp(isa, "avx2") == 0) return single ? avx2_float : avx2_double;
    return single ? scalar_float : scalar_double;
}

/* synapses.c - the list of synapse kinds. */
#include "stc/synapse.h"

#define SYNAPSE(name) extern const stc_synapse_kind stc_synapse_##name;
#include "list.h"
#undef SYNAPSE

#define SYNAPSE(name) &stc_synapse_##name,
static const stc_synapse_kind *const kinds[] = {
#include "list.h"
};
#undef SYNAPSE

const stc_synapse_kind *const *stc_synapse_kinds(int *n)
{
    *n = (int)(sizeof kinds / sizeof *kinds);
    return kinds;
}

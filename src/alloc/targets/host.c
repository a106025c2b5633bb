/* host.c - the computer itself: networks of populations that are run without being compiled for a
 * chip. */
#include "stc/target.h"

const stc_target stc_target_host = {
    .name = "host",
    .help = "no chip but the computer that runs: cores of 65536 neurons whose synapses memory "
            "alone bounds; taken by stc run of a network of populations",
    .neurons_per_core = 65536,
    .synapse_bytes_per_core = INT64_C(1) << 40,
    .cores_per_chip = 65536,
    .weight_bytes = 3,
    .partition = "even", /* ranks that are equally busy in every step */
};

/* make_network.c - write a recurrent network as a SpikeGraph of populations and rules; see usage
 * below, and networks.c for the networks. */
#include "networks.h"

#include "stc/error.h"
#include "stc/io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "make_network NETWORK FILE [SCALE [MILLISECONDS [SEED]]]\n"
    "\n"
    "Writes a recurrent network of populations as a model for stc.\n"
    "\n"
    "NETWORK       microcircuit  cortical column, 77,169 neurons, 2.99e8 synapses, Poisson input\n"
    "                            (Potjans & Diesmann 2014)\n"
    "              brunel        10,000 neurons, 1e7 synapses, fixed in-degree (Brunel 2000)\n"
    "              cuba          4,000 neurons, 3.2e5 synapses, current-based (Vogels & Abbott "
    "2005)\n"
    "FILE          to write, SpikeGraph\n"
    "SCALE         neurons as a share of those above (default 1); each has as many synapses as at\n"
    "              scale 1, in the microcircuit fewer\n"
    "MILLISECONDS  of biological time that a run takes by default (default 1000)\n"
    "SEED          of the initial potentials (default 1); stc run --seed chooses the synapses\n"
    "\n"
    "example: make_network microcircuit mc.h5 0.1 1000 && stc run mc.h5 -o result.h5\n";

/* A number of the command line, and nothing behind it. */
static int read_number(const char *what, const char *text, double most, double *out)
{
    char *end;
    *out = strtod(text, &end);
    STC_CHECK(end != text && *end == '\0' && *out > 0.0 && *out <= most, STC_ERR_USAGE,
              "%s: found '%s', expected a number above 0, at most %g\nhint: make_network --help",
              what, text, most);
    return 0;
}

static int read_seed(const char *text, uint64_t *out)
{
    char *end;
    *out = strtoull(text, &end, 10);
    STC_CHECK(end != text && *end == '\0' && text[0] != '-', STC_ERR_USAGE,
              "SEED: found '%s', expected an integer of at least 0\nhint: make_network --help",
              text);
    return 0;
}

static int make(int argc, char **argv)
{
    stc_graph *graph;
    double scale = 1.0, ms = 1000.0;
    uint64_t seed = 1;
    STC_CHECK(argc > 2 && argc<7, STC_ERR_USAGE,
                               "%s\nhint: make_network NETWORK FILE [SCALE [MILLISECONDS [SEED]]]; "
                               "--help says more",
                               argc> 2
                  ? "too many arguments"
                  : "NETWORK or FILE is missing");
    if (argc > 3) STC_TRY(read_number("SCALE", argv[3], 1e4, &scale));
    if (argc > 4) STC_TRY(read_number("MILLISECONDS", argv[4], 1e9, &ms));
    if (argc > 5) STC_TRY(read_seed(argv[5], &seed));
    STC_TRY(network_build(argv[1], scale, ms, seed, &graph));
    stc_graph_stats stats = stc_graph_statistics(graph);
    int rc = stc_graph_write(graph, argv[2]);
    stc_graph_destroy(&graph);
    if (rc < 0) return rc;
    printf("wrote %s: %s at scale %g, %lld neurons, about %.3g synapses, %g ms\n", argv[2], argv[1],
           scale, (long long)stats.neurons, (double)stats.synapses, ms);
    printf("next: stc run %s -o result.h5\n", argv[2]);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    MPI_Init(&argc, &argv);
    int rc = make(argc, argv);
    if (rc < 0) fprintf(stderr, "make_network: %s\n", stc_error_text());
    MPI_Finalize();
    return stc_exit_code(rc);
}

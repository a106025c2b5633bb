/* make_network.c - write a recurrent network as a SpikeGraph of populations and rules.
 *     make_network microcircuit|brunel|cuba FILE [SCALE [MILLISECONDS [SEED]]]
 * Then: stc run FILE -o result.h5 --record spikes */
#include "networks.h"

#include "stc/error.h"
#include "stc/io.h"

#include <stdio.h>
#include <stdlib.h>

static int make(int argc, char **argv)
{
    stc_graph *graph;
    double scale = argc > 3 ? atof(argv[3]) : 1.0, ms = argc > 4 ? atof(argv[4]) : 1000.0;
    STC_CHECK(argc > 2, STC_ERR_USAGE,
              "make_network microcircuit|brunel|cuba FILE [SCALE [MILLISECONDS [SEED]]]");
    STC_CHECK(scale > 0.0 && scale <= 1e4 && ms > 0.0 && ms <= 1e9, STC_ERR_USAGE,
              "scale %g or %g ms is impossible", scale, ms);
    STC_TRY(network_build(argv[1], scale, ms, argc > 5 ? strtoull(argv[5], NULL, 10) : 1, &graph));
    int rc = stc_graph_write(graph, argv[2]);
    stc_graph_destroy(&graph);
    return rc;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rc = make(argc, argv);
    if (rc < 0) fprintf(stderr, "%s\n", stc_error_text());
    MPI_Finalize();
    return stc_exit_code(rc);
}

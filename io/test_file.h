/* test_file.h - test vectors while they are open. Private to test_vectors.c and test_places.c. */
#ifndef STC_IO_TEST_FILE_H
#define STC_IO_TEST_FILE_H

#include "h5.h"
#include "stc/test_vectors.h"

enum { STC_TEST_AXES = 2 /* step and row, before the axes of the node */ };

typedef struct {
    stc_arena *arena;
    const char *path; /* borrowed while the vectors are opened */
    const stc_graph *graph;
    hid_t file, test;
    const char **layer_links, **output_links; /* of datasets, below /test */
    const char *open_link;                    /* whose dataset `open` is; NULL: none */
    stc_h5_data open;
    int64_t window_first, window_count; /* bytes of the open dataset that are in memory */
    int64_t window_capacity;
    uint8_t *window;
    stc_test_vectors vectors;
} stc_test_file;

bool stc_test_is_neuron(const stc_node *node);
/* "group/name" as a link below /test, in the arena; NULL: no memory. */
const char *stc_test_link(stc_test_file *f, const char *group, const char *name);
/* Everything in a group of /test must belong to a node of this kind. STC_ERR_INPUT. */
int stc_test_check_names(stc_test_file *f, const char *group, bool (*wanted)(const stc_node *),
                         const char *what);
/* Fill the places of all layers. STC_ERR_INPUT. */
int stc_test_open_places(stc_test_file *f);

#endif

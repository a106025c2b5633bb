/* SpikeGraph files: what is written reads back, files by other hands are understood, and what is
 * wrong is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_example.h"
#include "stc/builder.h"
#include "stc/op.h"

/* ---- round trips ---- */

static bool same_weight(const stc_weight *a, const stc_weight *b)
{
    float *x = NULL, *y = NULL;
    if (!a || !b) return a == b;
    bool same = stc_shape_equal(&a->shape, &b->shape) && stc_weight_read_all(a, &x) == 0 &&
                stc_weight_read_all(b, &y) == 0 &&
                memcmp(x, y, (size_t)stc_shape_size(&a->shape) * sizeof(float)) == 0;
    stc_free(x);
    stc_free(y);
    return same;
}

/* An array of one element reads back as a number. */
static double one_value(const stc_weight *weight)
{
    float value = NAN;
    assert_int_equal(weight->read(weight, 0, 1, &value), 0);
    return (double)value;
}

static bool same_attr(const stc_attr_spec *spec, const stc_attr *a, const stc_attr *b)
{
    if (a->given != b->given) return false;
    if (!a->given) return true;
    bool each = spec->kind == STC_ATTR_EACH;
    if (spec->kind == STC_ATTR_WEIGHT || (each && a->weight && b->weight)) {
        return same_weight(a->weight, b->weight);
    }
    if (each && a->weight && !b->weight) return one_value(a->weight) == b->r;
    if (spec->kind == STC_ATTR_REAL || each) return a->r == b->r;
    int n = spec->kind == STC_ATTR_INTS ? a->n : 1;
    return a->n == b->n && memcmp(a->i, b->i, (size_t)n * sizeof(a->i[0])) == 0;
}

static bool same_node(const stc_graph *ga, const stc_graph *gb, const stc_node *a)
{
    int32_t index = stc_graph_find(gb, a->name);
    const stc_node *b = index < 0 ? NULL : gb->nodes[index];
    if (!b || a->op != b->op || a->ninputs != b->ninputs) return false;
    for (int k = 0; k < a->ninputs; k++) {
        if (strcmp(ga->nodes[a->inputs[k]]->name, gb->nodes[b->inputs[k]]->name) != 0) return false;
    }
    for (int i = 0; i < a->op->nattrs; i++) {
        if (!same_attr(&a->op->attrs[i], &a->attrs[i], &b->attrs[i])) return false;
    }
    return true;
}

static void every_op_survives_a_file(void **state)
{
    (void)state;
    int n;
    const stc_op *const *ops = stc_op_list(&n);
    for (int i = 0; i < n; i++) {
        for (uint64_t seed = 0; seed < 3 && ops[i]->example; seed++) {
            stc_builder *builder;
            stc_graph *graph, *copy = NULL;
            assert_int_equal(stc_builder_create(ops[i]->name, &builder), 0);
            assert_true(ops[i]->example(builder, seed) >= 0);
            stc_build_time_steps(builder, 3);
            assert_int_equal(stc_builder_finish(&builder, &graph), 0);
            int rc = stc_graph_write(graph, "op.h5");
            if (rc == 0) rc = stc_graph_read("op.h5", NULL, &copy);
            if (rc < 0) print_error("%s: %s\n", ops[i]->name, stc_error_text());
            assert_int_equal(rc, 0);
            assert_int_equal(stc_graph_verify(copy), 0);
            assert_string_equal(copy->name, ops[i]->name);
            assert_int_equal(copy->time_steps, 3);
            assert_int_equal(copy->nnodes, graph->nnodes);
            for (int32_t k = 0; k < graph->nnodes; k++) {
                if (!same_node(graph, copy, graph->nodes[k])) {
                    print_error("%s, node %s differs\n", ops[i]->name, graph->nodes[k]->name);
                    fail();
                }
            }
            stc_graph_destroy(&graph);
            stc_graph_destroy(&copy);
        }
    }
}

/* ---- files by hand ---- */

/* A model file: /graph with nodes. */
typedef struct {
    hid_t file, nodes;
} model;

static model begin(void)
{
    model m = {.file = make_file("model.h5")};
    hid_t graph = make_group(m.file, "graph");
    m.nodes = make_group(graph, "nodes");
    H5Gclose(graph);
    return m;
}

/* A node of this type; close the group. */
static hid_t node(const model *m, const char *name, const char *type)
{
    hid_t group = make_group(m->nodes, name);
    put_text(group, "type", type);
    return group;
}

static void end(model *m, int nedges, const char *const (*edges)[2])
{
    const hsize_t dim[2] = {(hsize_t)nedges, 2};
    put_texts(m->file, "graph/edges", 2, dim, &edges[0][0]);
    H5Gclose(m->nodes);
    H5Fclose(m->file);
}

static void input_node(const model *m, const char *name)
{
    hid_t group = node(m, name, "Input");
    put_data(group, "shape", H5T_NATIVE_INT, 1, (const hsize_t[]){1}, (const int[]){4});
    H5Gclose(group);
}

static void output_node(const model *m, const char *name)
{
    H5Gclose(node(m, name, "Output"));
}

/* A linear layer 4 -> 4 with weights of this type; values NULL: 0. */
static hid_t linear_node(const model *m, const char *name, hid_t type, const void *values)
{
    hid_t group = node(m, name, "Linear");
    static const double zeros[16];
    put_data(group, "weight", type, 2, (const hsize_t[]){4, 4}, values ? values : zeros);
    return group;
}

static stc_graph *read_model(void)
{
    stc_graph *graph = NULL;
    int rc = stc_graph_read("model.h5", NULL, &graph);
    if (rc < 0) print_error("%s\n", stc_error_text());
    assert_int_equal(rc, 0);
    return graph;
}

static void refused(const char *one, const char *two, const char *three)
{
    stc_graph *graph = NULL;
    assert_int_equal(stc_graph_read("model.h5", NULL, &graph), STC_ERR_INPUT);
    assert_null(graph);
    assert_true(error_says("model.h5", one, two, three, NULL));
}

static void numbers_of_any_type_are_taken(void **state)
{
    (void)state;
    int8_t bytes[16];
    int64_t longs[16];
    float row[8];
    for (int i = 0; i < 16; i++)
        longs[i] = bytes[i] = (int8_t)(i - 8);
    model m = begin();
    input_node(&m, "in");
    H5Gclose(linear_node(&m, "a", H5T_NATIVE_INT8, bytes));
    H5Gclose(linear_node(&m, "b", H5T_NATIVE_INT64, longs));
    hid_t lif = node(&m, "lif", "DiscreteLIF");
    put_data(lif, "tau", H5T_NATIVE_INT, 1, (const hsize_t[]){1}, (const int[]){3});
    put_data(lif, "max_count", H5T_NATIVE_DOUBLE, 0, NULL, (const double[]){2});
    H5Gclose(lif);
    output_node(&m, "out");
    end(&m, 4, (const char *const[4][2]){{"in", "a"}, {"a", "b"}, {"b", "lif"}, {"lif", "out"}});
    stc_graph *graph = read_model();
    assert_int_equal(stc_graph_verify(graph), 0);
    const stc_node *n = graph->nodes[stc_graph_find(graph, "lif")];
    assert_true(stc_node_real(n, "tau") == 3);
    assert_int_equal(stc_node_int(n, "max_count"), 2);
    for (int k = 0; k < 2; k++) {
        n = graph->nodes[stc_graph_find(graph, k ? "b" : "a")];
        const stc_weight *weight = stc_node_weight(n, "weight");
        assert_int_equal(weight->read(weight, 1, 2, row), 0);
        for (int i = 0; i < 8; i++)
            assert_true(row[i] == (float)(i - 4));
        assert_int_equal(weight->read(weight, 3, 2, row), STC_ERR_INTERNAL);
        assert_non_null(strstr(weight->label, "model.h5:/graph/nodes/"));
    }
    stc_graph_destroy(&graph);
}

static void several_edges_into_one_operand_are_summed(void **state)
{
    (void)state;
    model m = begin();
    input_node(&m, "in");
    H5Gclose(linear_node(&m, "a", H5T_NATIVE_FLOAT, NULL));
    H5Gclose(linear_node(&m, "b", H5T_NATIVE_FLOAT, NULL));
    H5Gclose(node(&m, "lif", "DiscreteLIF"));
    input_node(&m, "lif.sum"); /* the name is taken */
    output_node(&m, "out");
    end(&m, 7,
        (const char *const[7][2]){{"in", "a"},
                                  {"in", "b"},
                                  {"b", "lif"},
                                  {"a", "lif"},
                                  {"lif", "out"},
                                  {"a", "lif"}, /* there already */
                                  {"lif.sum", "lif"}});
    stc_graph *graph = read_model();
    assert_int_equal(graph->nnodes, 7);
    const stc_node *lif = graph->nodes[stc_graph_find(graph, "lif")];
    assert_int_equal(lif->ninputs, 1);
    const stc_node *sum = graph->nodes[lif->inputs[0]];
    assert_string_equal(sum->name, "lif.sum2");
    assert_string_equal(sum->op->name, "add");
    assert_int_equal(sum->ninputs, 3);
    assert_string_equal(graph->nodes[sum->inputs[0]]->name, "b"); /* the order of the edges */
    assert_string_equal(graph->nodes[sum->inputs[1]]->name, "a");
    assert_int_equal(stc_graph_verify(graph), 0);
    stc_graph_destroy(&graph);
}

static void operands_follow_the_inputs_list(void **state)
{
    (void)state;
    const char *const list[3] = {"b", "a", "b"};
    for (int n = 2; n <= 3; n++) {
        model m = begin();
        input_node(&m, "a");
        input_node(&m, "b");
        hid_t group = node(&m, "z", "Add");
        put_texts(group, "inputs", 1, (const hsize_t[]){(hsize_t)n}, list);
        H5Gclose(group);
        end(&m, 2, (const char *const[2][2]){{"a", "z"}, {"b", "z"}});
        stc_graph *graph = read_model();
        const stc_node *z = graph->nodes[stc_graph_find(graph, "z")];
        assert_int_equal(z->ninputs, n);
        for (int k = 0; k < n; k++) {
            assert_string_equal(graph->nodes[z->inputs[k]]->name, list[k]);
        }
        stc_graph_destroy(&graph);
    }
}

static void inputs_lists_that_contradict_the_edges_are_refused(void **state)
{
    (void)state;
    const char *const lists[3][2] = {{"a", "a"}, {"a", "c"}, {"a", "bb"}};
    const char *const says[3] = {"does not name b", "no edge from c to z", "did you mean b?"};
    for (int i = 0; i < 3; i++) {
        model m = begin();
        input_node(&m, "a");
        input_node(&m, "b");
        input_node(&m, "c");
        hid_t group = node(&m, "z", "Add");
        put_texts(group, "inputs", 1, (const hsize_t[]){2}, lists[i]);
        H5Gclose(group);
        end(&m, 2, (const char *const[2][2]){{"a", "z"}, {"b", "z"}});
        refused("/graph/nodes/z/inputs", says[i], NULL);
    }
}

static void unknown_types_and_parameters_suggest_the_nearest(void **state)
{
    (void)state;
    model m = begin();
    H5Gclose(node(&m, "conv1", "Conv2dd"));
    end(&m, 0, (const char *const[1][2]){{"", ""}});
    refused("/graph/nodes/conv1", "Conv2dd", "did you mean 'Conv2d'");
    m = begin();
    hid_t group = linear_node(&m, "fc", H5T_NATIVE_FLOAT, NULL);
    put_data(group, "wieght", H5T_NATIVE_FLOAT, 0, NULL, (const float[]){1});
    H5Gclose(group);
    end(&m, 0, (const char *const[1][2]){{"", ""}});
    refused("/graph/nodes/fc/wieght", "Affine has no parameter", "did you mean weight?");
}

static void edges_to_nowhere_are_refused(void **state)
{
    (void)state;
    model m = begin();
    input_node(&m, "image");
    output_node(&m, "out");
    end(&m, 1, (const char *const[1][2]){{"imagee", "out"}});
    refused("/graph/edges", "no node \"imagee\"", "did you mean image?");
    m = begin();
    input_node(&m, "image");
    put_texts(m.file, "graph/edges", 1, (const hsize_t[]){2}, (const char *const[]){"a", "b"});
    H5Gclose(m.nodes);
    H5Fclose(m.file);
    refused("/graph/edges", "(E, 2)", "(2)");
}

/* One parameter `name` of a DiscreteLIF or Conv2d that is wrong. */
static void wrong_parameter(const char *type, const char *name, hid_t element, int ndim,
                            const hsize_t *dim, const void *values, const char *says)
{
    char where[64];
    model m = begin();
    hid_t group = node(&m, "n", type);
    put_data(group, name, element, ndim, dim, values);
    H5Gclose(group);
    end(&m, 0, (const char *const[1][2]){{"", ""}});
    snprintf(where, sizeof(where), "/graph/nodes/n/%s", name);
    refused(where, says, NULL);
}

static void parameters_of_a_wrong_kind_are_refused(void **state)
{
    (void)state;
    const hsize_t two = 2, ten = 10, seven[7] = {1, 1, 1, 1, 1, 1, 1}, none = 0;
    const double reals[10] = {1.5};
    hid_t text = text_type(4);
    wrong_parameter("DiscreteLIF", "tau", H5T_NATIVE_DOUBLE, 1, &two, reals, "expected one");
    wrong_parameter("DiscreteLIF", "tau", text, 0, NULL, "two", "expected numbers");
    wrong_parameter("DiscreteLIF", "max_count", H5T_NATIVE_DOUBLE, 0, NULL, reals, "an integer");
    wrong_parameter("DiscreteLIF", "compare", text, 0, NULL, "le\0", "expected one of: ge gt");
    wrong_parameter("DiscreteLIF", "compare", H5T_NATIVE_INT, 0, NULL, reals, "expected text");
    wrong_parameter("Conv2d", "stride", H5T_NATIVE_DOUBLE, 1, &ten, reals, "list of at most 6");
    wrong_parameter("Conv2d", "stride", H5T_NATIVE_DOUBLE, 1, &two, reals, "expected an integer");
    wrong_parameter("Conv2d", "weight", H5T_NATIVE_DOUBLE, 7, seven, reals, "0 to 6 axes");
    wrong_parameter("Conv2d", "weight", H5T_NATIVE_DOUBLE, 1, &none, reals, "none of length 0");
    wrong_parameter("Conv2d", "weight", text, 0, NULL, "abc", "expected numbers");
    H5Tclose(text);
}

static void a_file_without_a_graph_is_refused(void **state)
{
    (void)state;
    H5Fclose(make_file("model.h5"));
    refused("/graph", "missing", NULL);
    hid_t file = make_file("model.h5");
    H5Gclose(make_group(file, "graph"));
    H5Fclose(file);
    refused("/graph/nodes", "missing", NULL);
    model m = begin();
    H5Gclose(make_group(m.nodes, "no type"));
    H5Gclose(m.nodes);
    H5Fclose(m.file);
    refused("/graph/nodes/no type/type", "missing", NULL);
}

static void a_truncated_model_is_refused_at_any_length(void **state)
{
    (void)state;
    size_t n;
    model m = begin();
    input_node(&m, "in");
    H5Gclose(linear_node(&m, "fc", H5T_NATIVE_FLOAT, NULL));
    end(&m, 1, (const char *const[1][2]){{"in", "fc"}});
    char *bytes = get_bytes("model.h5", &n);
    for (size_t length = 0; length < n; length += 1 + n / 100) {
        put_bytes("model.h5", bytes, length);
        refused(length == 0 ? "is empty" : "truncated", NULL, NULL);
    }
    free(bytes);
}

static void a_graph_that_cannot_be_written_leaves_nothing(void **state)
{
    (void)state;
    stc_builder *builder;
    stc_graph *graph;
    assert_int_equal(stc_builder_create("x", &builder), 0);
    assert_true(stc_build(builder, "input", "x", NULL, 0, "shape=3") >= 0);
    assert_true(stc_build(builder, "output", "y", (const int[]){0}, 1, "") >= 0);
    assert_int_equal(stc_builder_finish(&builder, &graph), 0);
    assert_int_equal(stc_graph_write(graph, "nowhere/x.h5"), STC_ERR_IO);
    assert_int_equal(stc_graph_write(graph, "x.h5"), 0);
    assert_int_equal(access("x.h5.tmp", F_OK), -1);
    stc_graph_destroy(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_op_survives_a_file),
        cmocka_unit_test(numbers_of_any_type_are_taken),
        cmocka_unit_test(several_edges_into_one_operand_are_summed),
        cmocka_unit_test(operands_follow_the_inputs_list),
        cmocka_unit_test(inputs_lists_that_contradict_the_edges_are_refused),
        cmocka_unit_test(unknown_types_and_parameters_suggest_the_nearest),
        cmocka_unit_test(edges_to_nowhere_are_refused),
        cmocka_unit_test(parameters_of_a_wrong_kind_are_refused),
        cmocka_unit_test(a_file_without_a_graph_is_refused),
        cmocka_unit_test(a_truncated_model_is_refused_at_any_length),
        cmocka_unit_test(a_graph_that_cannot_be_written_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

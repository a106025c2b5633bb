/* dot_write.c - a graph in the DOT language, one box per node: name, op, shape. Sources are at the
 * top, delays dashed. */
#include "stc/error.h"
#include "stc/io.h"
#include "stc/op.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const fill[] = {
    [STC_CLASS_INPUT] = "#d9ead3",  [STC_CLASS_OUTPUT] = "#d9ead3", [STC_CLASS_VIEW] = "#eeeeee",
    [STC_CLASS_AFFINE] = "#fff2cc", [STC_CLASS_WEIGHT] = "#fff2cc", [STC_CLASS_ADD] = "#eeeeee",
    [STC_CLASS_NEURON] = "#cfe2f3", [STC_CLASS_DELAY] = "#ffffff",  [STC_CLASS_DIRECT] = "#ead1dc",
    [STC_CLASS_CODE] = "#d0e0e3",
};

/* Inside of double quotes. */
static void put_quoted(FILE *file, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') fputc('\\', file);
        fputc(*text, file);
    }
}

static const char *fill_of(const stc_node *node)
{
    size_t kind = (size_t)node->op->op_class;
    return kind < sizeof(fill) / sizeof(fill[0]) && fill[kind] ? fill[kind] : "#cfe2f3";
}

static void put_node(FILE *file, const stc_graph *graph, int32_t i)
{
    char shape[96];
    const stc_node *node = graph->nodes[i];
    fprintf(file, "  n%d [label=\"", i);
    put_quoted(file, node->name);
    fprintf(file, "\\n%s %s\", fillcolor=\"%s\"%s];\n", node->op->name,
            stc_shape_text(&node->shape, shape, sizeof(shape)), fill_of(node),
            node->op->op_class == STC_CLASS_DELAY ? ", style=dashed" : "");
    for (int k = 0; k < node->ninputs; k++)
        fprintf(file, "  n%d -> n%d;\n", node->inputs[k], i);
}

static int write_all(const stc_graph *graph, FILE *file)
{
    fputs("digraph \"", file);
    put_quoted(file, graph->name);
    fputs("\" {\n  node [shape=box, style=\"rounded,filled\", fontname=\"sans-serif\"];\n", file);
    for (int32_t i = 0; i < graph->nnodes; i++)
        put_node(file, graph, i);
    fputs("}\n", file);
    return fflush(file) == 0 && !ferror(file) && fsync(fileno(file)) == 0 ? 0 : errno;
}

int stc_graph_write_dot(const stc_graph *graph, const char *path)
{
    STC_TRY(stc_output_check(path));
    size_t length = strlen(path);
    char *tmp = stc_alloc((int64_t)length + 5, 1);
    if (!tmp) return STC_ERR_NOMEM;
    memcpy(tmp, path, length);
    memcpy(tmp + length, ".tmp", 5);
    FILE *file = fopen(tmp, "w");
    int bad = file ? write_all(graph, file) : errno;
    if (file && fclose(file) != 0 && !bad) bad = errno;
    if (!bad && rename(tmp, path) != 0) bad = errno;
    if (bad) unlink(tmp);
    stc_free(tmp);
    STC_CHECK(!bad, STC_ERR_IO, "%s: cannot be written: %s", path, strerror(bad));
    return 0;
}

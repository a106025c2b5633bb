/* model_tree.c - the nodes and edges of a model file, through all graphs in graphs.
 *
 * The names of a graph are looked up in that graph alone. An end of an edge is the name of a node,
 * else "G.B" for node B of the inner graph G; an inner graph by its own name stands for its only
 * Input or Output. Reading order: names, edges, levels.
 */
#include "model.h"

#include "stc/error.h"

#include <stdlib.h>
#include <string.h>

void *stc_model_append(stc_model *m, stc_model_list *list, int64_t size)
{
    if (list->n == list->room) {
        int64_t room = list->room ? 2 * list->room : 16;
        void *data = stc_arena_alloc(m->scratch, room, size);
        if (!data) return NULL;
        if (list->n) memcpy(data, list->data, (size_t)(list->n * size));
        list->data = data;
        list->room = room;
    }
    return (char *)list->data + size * list->n++;
}

/* ---- names ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Place of a name in a level, or -1. */
static int64_t find_name(const stc_model_level *level, const char *name)
{
    const char **found = level->n ? bsearch(&name, level->names, (size_t)level->n,
                                            sizeof(*level->names), compare_names)
                                  : NULL;
    return found ? found - level->names : -1;
}

/* The only Input (as destination of an edge) or Output (as source) of an inner graph. */
static int only_end(const stc_model *m, int32_t inner, stc_model_end end, int32_t *out)
{
    const stc_model_level *level = &stc_model_levels(m)[inner];
    int found = 0;
    for (int64_t k = 0; k < level->n; k++) {
        if (level->child[k] < 0 || stc_model_items(m)[level->child[k]].end != end) continue;
        *out = level->child[k];
        found++;
    }
    const char *what = end == STC_END_INPUT ? "Input" : "Output";
    STC_CHECK(found > 0, STC_ERR_INPUT, "the graph \"%.80s\" has no %s node", level->name, what);
    STC_CHECK(found == 1, STC_ERR_INPUT,
              "the graph \"%.80s\" has %d %s nodes; say which, as \"%.80s.%.80s\"", level->name,
              found, what, level->name, strrchr(stc_model_items(m)[*out].place, '/') + 1);
    return 0;
}

int stc_model_find(const stc_model *m, int32_t in, const char *name, stc_model_end end,
                   int32_t *out)
{
    const stc_model_level *level = &stc_model_levels(m)[in];
    int64_t k = find_name(level, name);
    if (k >= 0 && level->child[k] >= 0) {
        *out = level->child[k];
        return 0;
    }
    if (k >= 0) return only_end(m, -1 - level->child[k], end, out);
    for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
        char *first = stc_arena_printf(m->scratch, "%.*s", (int)(dot - name), name);
        if (!first) return STC_ERR_NOMEM;
        k = find_name(level, first);
        if (k >= 0 && level->child[k] < 0) {
            return stc_model_find(m, -1 - level->child[k], dot + 1, end, out);
        }
    }
    const char *nearest = stc_nearest(name, level->names, (int)level->n);
    STC_FAIL(STC_ERR_INPUT, "there is no node \"%.80s\"%s%s%s", name,
             nearest ? "; did you mean " : "", nearest ? nearest : "", nearest ? "?" : "");
}

/* ---- edges ---- */

static int add_edge(stc_model *m, int32_t in, const char *from, const char *to)
{
    const char *place = stc_model_levels(m)[in].place;
    int32_t ends[2];
    int rc = stc_model_find(m, in, from, STC_END_OUTPUT, &ends[0]);
    if (rc == 0) rc = stc_model_find(m, in, to, STC_END_INPUT, &ends[1]);
    if (rc < 0) {
        return stc_fail_in(rc, "%s:%s/edges: the edge from \"%.80s\" to \"%.80s\"", m->path, place,
                           from, to);
    }
    STC_CHECK(m->ends.n < STC_MODEL_MAX_EDGES, STC_ERR_INPUT,
              "%s:%s/edges: more than %d edges in the model", m->path, place, STC_MODEL_MAX_EDGES);
    int32_t *pair = stc_model_append(m, &m->ends, 2 * sizeof(*pair));
    if (!pair) return STC_ERR_NOMEM;
    memcpy(pair, ends, sizeof(ends));
    return 0;
}

static int read_edges(stc_model *m, hid_t group, int32_t in)
{
    stc_h5_data data;
    const char **texts = NULL;
    /* absent where there can be none; files that were not finished have none either */
    if (!stc_h5_has(group, "edges") && (!m->nir || stc_model_levels(m)[in].n < 2)) return 0;
    STC_TRY(stc_h5_data_open(group, "edges", &data));
    int64_t n = data.size / 2;
    int rc = 0;
    if (data.size > 0 && (data.ndim != 2 || data.dim[1] != 2 || n > STC_MODEL_MAX_EDGES)) {
        char shape[128];
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL,
                         "expected shape (E, 2) with E at most %d, found %s", STC_MODEL_MAX_EDGES,
                         stc_h5_data_shape_text(&data, shape, sizeof(shape)));
    }
    if (rc == 0 && n > 0) rc = stc_h5_data_texts(&data, m->scratch, &texts);
    stc_h5_close(&data.id);
    for (int64_t e = 0; e < n && rc == 0; e++)
        rc = add_edge(m, in, texts[2 * e], texts[2 * e + 1]);
    return rc;
}

/* Group the edges by destination, in the order of the files; what is there twice counts once. */
static int group_edges(stc_model *m)
{
    stc_model_item *items = m->items.data;
    const int32_t *ends = m->ends.data;
    int64_t nitems = m->items.n, at = 0;
    int32_t *seen = stc_arena_alloc(m->scratch, nitems, sizeof(*seen));
    m->source = stc_arena_alloc(m->scratch, m->ends.n, sizeof(*m->source));
    int32_t *sorted = stc_arena_alloc(m->scratch, m->ends.n, sizeof(*sorted));
    if (!seen || !m->source || !sorted) return STC_ERR_NOMEM;
    for (int64_t e = 0; e < m->ends.n; e++)
        items[ends[2 * e + 1]].nsources++;
    for (int64_t i = 0; i < nitems; i++) {
        items[i].first = at;
        at += items[i].nsources;
        items[i].nsources = 0;
    }
    for (int64_t e = 0; e < m->ends.n; e++) {
        stc_model_item *to = &items[ends[2 * e + 1]];
        sorted[to->first + to->nsources++] = ends[2 * e];
    }
    for (int64_t i = 0; i < nitems; i++) {
        int64_t n = 0;
        for (int64_t e = items[i].first; e < items[i].first + items[i].nsources; e++) {
            stc_model_item *from = &items[sorted[e]];
            if (seen[sorted[e]] == i + 1) {
                stc_warn("%s:%s/edges: the edge from %s to %s is there twice; one is dropped",
                         m->path, stc_model_levels(m)[items[i].level].place, from->name,
                         items[i].name);
                continue;
            }
            seen[sorted[e]] = (int32_t)i + 1;
            m->source[items[i].first + n++] = sorted[e];
            from->nconsumers++;
        }
        items[i].nsources = n;
    }
    return 0;
}

/* ---- levels ---- */

static int read_level(stc_model *m, hid_t group, const char *name, const char *place, int depth,
                      int32_t *out);

static int read_list(stc_model *m, hid_t group, stc_model_item *item)
{
    stc_h5_data data;
    STC_TRY(stc_h5_data_open(group, "inputs", &data));
    int rc = 0;
    if (data.ndim != 1 || data.size > STC_MODEL_MAX_EDGES) {
        rc = stc_h5_fail(STC_ERR_INPUT, data.id, NULL, "expected a list of node names");
    } else if (data.size > 0) {
        rc = stc_h5_data_texts(&data, m->scratch, &item->list);
    }
    item->nlist = data.size;
    stc_h5_close(&data.id);
    return rc;
}

static int read_item(stc_model *m, hid_t group, stc_model_item item)
{
    STC_CHECK(m->items.n < STC_MODEL_MAX_NODES, STC_ERR_INPUT, "%s: more than %d nodes", m->path,
              STC_MODEL_MAX_NODES);
    if (stc_h5_has(group, "inputs")) STC_TRY(read_list(m, group, &item));
    if (strcmp(item.type, "Input") == 0) item.end = STC_END_INPUT;
    if (strcmp(item.type, "Output") == 0) item.end = STC_END_OUTPUT;
    item.entry = item.node = -1;
    stc_model_item *kept = stc_model_append(m, &m->items, sizeof(*kept));
    if (!kept) return STC_ERR_NOMEM;
    *kept = item;
    return 0;
}

/* One node of level `in`: an item, or a level of its own. */
static int read_child(stc_model *m, hid_t nodes, int32_t in, int64_t k, int depth)
{
    hid_t group;
    const stc_model_level *level = &stc_model_levels(m)[in];
    const char *link = level->names[k];
    stc_model_item item = {.level = in};
    item.name = in == 0 ? link : stc_arena_printf(m->scratch, "%s.%s", level->name, link);
    item.place = stc_arena_printf(m->scratch, "%s/nodes/%s", level->place, link);
    if (!item.name || !item.place) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_group(nodes, link, &group));
    int32_t child = (int32_t)m->items.n;
    int rc = stc_h5_text(group, "type", m->scratch, &item.type);
    if (rc == 0 && strcmp(item.type, "NIRGraph") == 0) {
        rc = read_level(m, group, item.name, item.place, depth + 1, &child);
        child = -1 - child;
    } else if (rc == 0) {
        rc = read_item(m, group, item);
    }
    stc_h5_close(&group);
    stc_model_levels(m)[in].child[k] = child;
    return rc;
}

static int read_level(stc_model *m, hid_t group, const char *name, const char *place, int depth,
                      int32_t *out)
{
    hid_t nodes;
    STC_CHECK(depth < STC_MODEL_MAX_DEPTH, STC_ERR_INPUT, "%s:%s: graphs lie %d deep in graphs",
              m->path, place, depth);
    *out = (int32_t)m->levels.n;
    stc_model_level level = {.name = name, .place = place};
    STC_TRY(stc_h5_group(group, "nodes", &nodes));
    int rc = stc_h5_names(nodes, STC_MODEL_MAX_NODES, m->scratch, &level.names, &level.n);
    if (rc == 0) {
        level.child = stc_arena_alloc(m->scratch, level.n, sizeof(*level.child));
        stc_model_level *kept = stc_model_append(m, &m->levels, sizeof(*kept));
        if (level.child && kept) {
            *kept = level;
        } else {
            rc = STC_ERR_NOMEM;
        }
    }
    for (int64_t k = 0; k < level.n && rc == 0; k++)
        rc = read_child(m, nodes, *out, k, depth);
    stc_h5_close(&nodes);
    return rc < 0 ? rc : read_edges(m, group, *out);
}

/* The file is one node without a graph around it. */
static int read_single(stc_model *m, hid_t group, const char *place, const char *type)
{
    stc_model_level *level = stc_model_append(m, &m->levels, sizeof(*level));
    const char **names = stc_arena_alloc(m->scratch, 1, sizeof(*names));
    int32_t *child = stc_arena_alloc(m->scratch, 1, sizeof(*child));
    char *name = stc_arena_strdup(m->scratch, type);
    if (!level || !names || !child || !name) return STC_ERR_NOMEM;
    for (char *c = name; *c; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c - 'A' + 'a' : *c);
    names[0] = name;
    *level = (stc_model_level){.name = "", .place = place, .names = names, .child = child, .n = 1};
    return read_item(m, group, (stc_model_item){.name = name, .place = place, .type = type});
}

int stc_model_tree(stc_model *m, const char *root)
{
    hid_t group;
    int32_t outermost;
    const char *type = "NIRGraph", *place = stc_arena_printf(m->scratch, "/%s", root);
    if (!place) return STC_ERR_NOMEM;
    STC_TRY(stc_h5_group(m->file, root, &group));
    bool typed = stc_h5_has(group, "type");
    int rc = typed ? stc_h5_text(group, "type", m->scratch, &type) : 0;
    if (rc == 0 && strcmp(type, "NIRGraph") == 0) {
        rc = read_level(m, group, "", place, 0, &outermost);
    } else if (rc == 0) {
        rc = read_single(m, group, place, type);
    }
    if (rc == 0 && m->nir && !typed) rc = stc_h5_text(group, "type", m->scratch, &type);
    stc_h5_close(&group);
    return rc < 0 ? rc : group_edges(m);
}

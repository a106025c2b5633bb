/* cmd_partition.c - `stc partition`: partitions of a model's tiles, or of any hypergraph, by one
 * method or several, with what each costs. */
#include "commands.h"
#include "partition_subject.h"

#include "stc/error.h"
#include "stc/io.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_METHODS = 16, MAX_LIST = 512 };

static struct {
    stc_subject_words graph;
    const char *output, *methods, *constraints, *imbalance, *cost, *board_ratio;
    int64_t chips, seed, boards, mesh_columns;
} given;

static const stc_option rows[] = {
    {0, "chips", STC_OPTION_INT, &given.chips, "K", NULL, "number of parts (needed)", 1, INT32_MAX,
     NULL},
    {0, "methods", STC_OPTION_TEXT, &given.methods, "all|A,B,...", "auto",
     "auto, multilevel, metis-cut, contiguous, even, random, file:PATH", 0, 0, NULL},
    {'o', "output", STC_OPTION_TEXT, &given.output, "FILE", NULL,
     "write the parts of the best method: FILE.txt one part number per\n"
     "line, any other name HDF5 with the measures",
     0, 0, NULL},
    {0, "constraints", STC_OPTION_TEXT, &given.constraints, "A,B,...", "all",
     "what is balanced: neurons, synapse_bytes, work", 0, 0, NULL},
    {0, "imbalance", STC_OPTION_TEXT, &given.imbalance, "PERCENT%", "5%",
     "how far a part may be above the average", 0, 0, NULL},
    {0, "target", STC_OPTION_TEXT, &given.graph.target, "NAME|FILE", NULL,
     "kind of chip: its tiles of a model, and its capacities", 0, 0, NULL},
    {0, "cost", STC_OPTION_TEXT, &given.cost, "UNIT", NULL,
     "what is lowered: per_destination_chip, per_destination_core,\n"
     "tree_of_links, or bytes between ranks (default: what the target\n"
     "says, else per_destination_chip)",
     0, 0, NULL},
    {0, "boards", STC_OPTION_INT, &given.boards, "B", NULL,
     "chips stand on B boards, board after board: first the boards are\n"
     "divided, then the chips of each (default: as the target says)",
     1, INT32_MAX, NULL},
    {0, "board-ratio", STC_OPTION_TEXT, &given.board_ratio, "R", NULL,
     "cost of a copy to another board, one inside costs 1 (default 4)", 0, 0, NULL},
    {0, "mesh-columns", STC_OPTION_INT, &given.mesh_columns, "W", NULL,
     "columns of the mesh of chips, for tree_of_links (default: square)", 1, 1 << 20, NULL},
    {0, "rates", STC_OPTION_TEXT, &given.graph.rates, "PROFILE", NULL,
     "of a model or program: traffic as `stc profile` measured it", 0, 0, NULL},
    {0, "tile-neurons", STC_OPTION_INT, &given.graph.tile_neurons, "N", NULL,
     "of a model: neurons of a population per tile, as in stc compile", 1, INT32_MAX, NULL},
    {0, "seed", STC_OPTION_INT, &given.seed, "N", "0", "of the random choices", 0, 0, NULL},
};

static const stc_option_table table = STC_TABLE("Options", rows);

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- options ---- */

static int parse_imbalance(double *out)
{
    char *end;
    const double percent = strtod(given.imbalance, &end);
    STC_CHECK(end != given.imbalance && strcmp(end, "%") == 0 && percent >= 0 && percent <= 1e6,
              STC_ERR_USAGE, "--imbalance: found '%s', expected a percentage, for example 5%%",
              given.imbalance);
    *out = 1 + percent / 100;
    return 0;
}

static int parse_constraints(bool used[STC_NCONSTRAINTS])
{
    char words[MAX_LIST];
    const bool all = strcmp(given.constraints, "all") == 0;
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        used[c] = all;
    snprintf(words, sizeof words, "%s", all ? "" : given.constraints);
    for (char *save, *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        int c = 0;
        while (c < STC_NCONSTRAINTS && strcmp(w, stc_constraint_names[c]) != 0)
            c++;
        STC_CHECK(c < STC_NCONSTRAINTS, STC_ERR_USAGE,
                  "--constraints: found '%s', expected some of neurons, synapse_bytes, work", w);
        used[c] = true;
    }
    return 0;
}

/* The methods that were named; words holds the text. */
static int parse_methods(char words[MAX_LIST], const char *methods[MAX_METHODS], int *n)
{
    const char *all = "contiguous,even,random,metis-cut,multilevel,auto";
    const char *text = strcmp(given.methods, "all") == 0 ? all : given.methods;
    STC_CHECK(strlen(text) < MAX_LIST, STC_ERR_USAGE, "--methods: the list is too long");
    snprintf(words, MAX_LIST, "%s", text);
    *n = 0;
    for (char *save, *w = strtok_r(words, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
        STC_CHECK(*n < MAX_METHODS, STC_ERR_USAGE, "--methods: more than %d methods", MAX_METHODS);
        STC_TRY(stc_partition_check_method(w));
        methods[(*n)++] = w;
    }
    STC_CHECK(*n > 0, STC_ERR_USAGE, "--methods: found '%s', expected all or a list of methods",
              given.methods);
    return 0;
}

/* What the options say of the cost of a copy, over what the target says. */
static int parse_cost(stc_cost_model *cost)
{
    if (given.cost) {
        int unit = 0;
        while (unit < STC_NCOST_UNITS && strcmp(given.cost, stc_cost_unit_names[unit]) != 0)
            unit++;
        STC_CHECK(unit < STC_NCOST_UNITS, STC_ERR_USAGE,
                  "--cost: found '%s', expected per_destination_chip, per_destination_core, "
                  "tree_of_links or bytes",
                  given.cost);
        cost->unit = (stc_cost_unit)unit;
    }
    if (given.board_ratio) {
        char *end;
        cost->board_ratio = strtod(given.board_ratio, &end);
        STC_CHECK(end != given.board_ratio && *end == '\0' && cost->board_ratio >= 1 &&
                      cost->board_ratio <= 1e6,
                  STC_ERR_USAGE, "--board-ratio: found '%s', expected a number from 1 to 1e6",
                  given.board_ratio);
    }
    if (given.mesh_columns > 0) cost->columns = (int32_t)given.mesh_columns;
    STC_CHECK(given.boards <= given.chips, STC_ERR_USAGE,
              "--boards %lld: more boards than the %lld chips", (long long)given.boards,
              (long long)given.chips);
    if (given.boards > 0) cost->board = (int32_t)((given.chips - 1) / given.boards + 1);
    STC_CHECK(cost->unit != STC_COST_LINKS || cost->board == 0, STC_ERR_USAGE,
              "--boards and tree_of_links: the mesh of all chips says what is far; leave --boards "
              "out");
    return 0;
}

/* ---- the methods ---- */

typedef struct {
    const char *name; /* as asked for */
    stc_partition_quality quality;
    stc_prediction predicted; /* with rates */
    char why[256];            /* it found nothing that fits; "" when it did */
} outcome;

typedef struct {
    int n;
    outcome list[MAX_METHODS];
    int32_t *part, *best_part; /* [nvertices] */
    int best;                  /* -1: none fits */
} outcomes;

/* Would auto keep a rather than b? Both fit. */
static bool is_better(const stc_partition_quality *a, const stc_partition_quality *b)
{
    if (a->excess != b->excess) return a->excess < b->excess;
    return a->cost < b->cost;
}

/* Loads that are not balanced are measured all the same. */
static int run_method(const stc_cli *cli, const stc_subject *s, const double *weight,
                      double imbalance, outcomes *all, outcome *o)
{
    stc_hypergraph balanced = s->h;
    balanced.weight = weight;
    stc_partition_options options = {.method = o->name,
                                     .nparts = (int32_t)given.chips,
                                     .seed = (uint64_t)given.seed,
                                     .imbalance = imbalance,
                                     .cost = s->cost};
    memcpy(options.capacity, s->capacity, sizeof options.capacity);
    int rc = stc_partition_file_given(o->name, s->arena, &options.given, &options.ngiven);
    STC_TRY(stc_agree(cli->comm, rc));
    rc = stc_partition(cli->comm, &balanced, &options, all->part, &o->quality, NULL);
    if (rc == STC_ERR_FIT || rc == STC_ERR_INTERNAL) {
        static const char prefix[] = "partition: "; /* the command has this name too */
        const char *text = stc_error_text();
        const bool named = strncmp(text, prefix, sizeof prefix - 1) == 0;
        snprintf(o->why, sizeof o->why, "%s", text + (named ? sizeof prefix - 1 : 0));
        return 0;
    }
    if (rc < 0) return rc;
    stc_partition_quality measured;
    rc = stc_partition_measure(&s->h, (int32_t)given.chips, all->part, NULL, &measured);
    STC_TRY(stc_agree(cli->comm, rc));
    memcpy(o->quality.imbalance, measured.imbalance, sizeof measured.imbalance);
    if (s->rates) {
        rc = stc_compile_predict(s->program, s->rates, all->part, options.nparts, &o->predicted);
        STC_TRY(stc_agree(cli->comm, rc));
    }
    const int at = (int)(o - all->list);
    if (all->best >= 0 && !is_better(&o->quality, &all->list[all->best].quality)) return 0;
    all->best = at;
    memcpy(all->best_part, all->part, (size_t)s->h.nvertices * sizeof *all->part);
    return 0;
}

static int run_methods(const stc_cli *cli, const stc_subject *s, const bool used[STC_NCONSTRAINTS],
                       double imbalance, outcomes *all)
{
    const int32_t n = s->h.nvertices;
    double *weight = stc_alloc((int64_t)n * STC_NCONSTRAINTS, sizeof *weight);
    all->part = stc_alloc(n, sizeof *all->part);
    all->best_part = stc_alloc(n, sizeof *all->best_part);
    int rc = weight && all->part && all->best_part ? 0 : STC_ERR_NOMEM;
    rc = stc_agree(cli->comm, rc);
    for (int64_t i = 0; rc == 0 && i < (int64_t)n * STC_NCONSTRAINTS; i++)
        weight[i] = used[i % STC_NCONSTRAINTS] ? s->h.weight[i] : 0;
    for (int i = 0; i < all->n && rc == 0; i++)
        rc = run_method(cli, s, weight, imbalance, all, &all->list[i]);
    stc_free(weight);
    if (rc == 0 && all->best < 0) rc = stc_fail(STC_ERR_FIT, "%s", all->list[all->n - 1].why);
    return rc;
}

/* ---- results ---- */

static const char *const measures[] = {"multicast_volume",
                                       "cost",
                                       "between_boards",
                                       "inside_boards",
                                       "core_copies",
                                       "links",
                                       "bytes",
                                       "broadcast_share",
                                       "messages",
                                       "edge_cut",
                                       "max_send",
                                       "max_receive",
                                       "pairs",
                                       "imbalance_neurons",
                                       "imbalance_synapse_bytes",
                                       "imbalance_work",
                                       "seconds"};
enum {
    NMEASURES = sizeof measures / sizeof *measures,
    IMBALANCE = NMEASURES - 1 - STC_NCONSTRAINTS
};

static void list_measures(const outcome *o, double values[NMEASURES])
{
    const stc_partition_quality *q = &o->quality;
    const double list[NMEASURES] = {
        q->multicast_volume, q->cost,         q->between_boards, q->inside_boards,
        q->core_copies,      q->links,        q->bytes,          q->broadcast_share,
        (double)q->messages, q->edge_cut,     q->max_send,       q->max_receive,
        (double)q->pairs,    q->imbalance[0], q->imbalance[1],   q->imbalance[2],
        q->seconds};
    for (int i = 0; i < NMEASURES; i++)
        values[i] = o->why[0] ? NAN : list[i];
}

static int write_record(const stc_cli *cli, const stc_subject *s, const outcomes *all)
{
    double values[NMEASURES * MAX_METHODS];
    const char *names[MAX_METHODS];
    for (int m = 0; m < all->n; m++) {
        double column[NMEASURES];
        list_measures(&all->list[m], column);
        names[m] = all->list[m].name;
        for (int i = 0; i < NMEASURES; i++)
            values[i * all->n + m] = column[i];
    }
    const stc_partition_record record = {.graph = cli->files[0],
                                         .command = cli->line,
                                         .method = all->list[all->best].quality.method,
                                         .chips = given.chips,
                                         .seed = given.seed,
                                         .n = s->h.nvertices,
                                         .part = all->best_part,
                                         .nmethods = all->n,
                                         .nmeasures = NMEASURES,
                                         .methods = names,
                                         .measures = measures,
                                         .values = values};
    return stc_partition_file_write(given.output, &record);
}

static int write_output(const stc_cli *cli, const stc_subject *s, const outcomes *all)
{
    int rc = 0;
    if (!given.output) return 0;
    if (cli->comm->rank == 0)
        rc = ends_with(given.output, ".txt")
                 ? stc_partition_write_text(given.output, s->h.nvertices, all->best_part)
                 : write_record(cli, s, all);
    return stc_agree(cli->comm, rc);
}

/* What the volume costs, where it is not one per copy; what is not known is left out. */
static void print_costs(const stc_subject *s, const outcomes *all)
{
    const bool boards = s->cost.board > 0;
    if (s->cost.unit == STC_COST_CHIPS && !boards) return;
    printf("\n%-14s %14s %14s %14s %14s %14s %14s  (%s%s)\n", "method", "cost", "between boards",
           "inside boards", "core copies", "links", "bytes", stc_cost_unit_names[s->cost.unit],
           boards ? ", boards" : "");
    for (int i = 0; i < all->n; i++) {
        const stc_partition_quality *q = &all->list[i].quality;
        const double values[] = {q->cost,        q->between_boards, q->inside_boards,
                                 q->core_copies, q->links,          q->bytes};
        if (all->list[i].why[0]) continue;
        printf("%-14s", all->list[i].name);
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            if (isnan(values[v]))
                printf(" %14s", "-");
            else
                printf(" %14.1f", values[v]);
        }
        putchar('\n');
    }
}

/* What runs of the samples of the profile will send. */
static void print_predicted(const stc_subject *s, const outcomes *all)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE];
    printf("\n%-14s %22s %14s  (%lld samples of %lld steps in %s)\n", "method",
           "spikes to other chips", "bytes", (long long)s->rates->samples,
           (long long)s->rates->steps, s->rates->path);
    for (int i = 0; i < all->n; i++) {
        const outcome *o = &all->list[i];
        if (o->why[0]) continue;
        printf("%-14s %22s %14s\n", o->name, stc_text_count(o->predicted.spike_copies, a),
               stc_text_bytes((int64_t)o->predicted.bytes, b));
    }
}

static void print_text(const stc_cli *cli, const stc_subject *s, const outcomes *all)
{
    char a[STC_TEXT_SIZE], b[STC_TEXT_SIZE], c[STC_TEXT_SIZE];
    printf("%s: %s vertices, %s nets, %s pins on %lld chips\n\n", cli->files[0],
           stc_text_count(s->h.nvertices, a), stc_text_count(s->h.nnets, b),
           stc_text_count(stc_hypergraph_pins(&s->h), c), (long long)given.chips);
    printf("%-14s %14s %9s %10s %12s %12s %8s %8s %13s %8s  %s\n", "method", "volume", "broadcast",
           "messages", "max send", "max receive", "pairs", stc_constraint_names[0],
           stc_constraint_names[1], stc_constraint_names[2], "seconds");
    for (int i = 0; i < all->n; i++) {
        const outcome *o = &all->list[i];
        const stc_partition_quality *q = &o->quality;
        if (o->why[0]) {
            printf("%-14s %s\n", o->name, o->why);
            continue;
        }
        printf("%-14s %14.1f %8.2f%% %10lld %12.1f %12.1f %8lld %8.3f %13.3f %8.3f  %s%s%s\n",
               o->name, q->multicast_volume, 100 * q->broadcast_share, (long long)q->messages,
               q->max_send, q->max_receive, (long long)q->pairs, q->imbalance[0], q->imbalance[1],
               q->imbalance[2], stc_text_seconds(q->seconds, a),
               q->excess > 0 ? " (unbalanced)" : "", i == all->best ? " (best)" : "");
    }
    print_costs(s, all);
    if (s->rates) print_predicted(s, all);
    const outcome *best = &all->list[all->best];
    for (int i = 0; i < all->n; i++) {
        if (!all->list[i].quality.no_gain) continue;
        printf("\nno partition helps: what has several destinations goes nearly everywhere\n");
        break;
    }
    if (given.output) printf("\nwrote %s (%s)\n", given.output, best->quality.method);
}

static void json_method(stc_json *out, const outcome *o, bool rates)
{
    const stc_partition_quality *q = &o->quality;
    double v[NMEASURES];
    list_measures(o, v);
    stc_json_open(out, NULL, '{');
    stc_json_string(out, "method", o->name);
    if (o->why[0]) stc_json_string(out, "error", o->why);
    if (!o->why[0]) stc_json_string(out, "made_by", q->method);
    for (int i = 0; i < IMBALANCE; i++) {
        const bool count =
            strcmp(measures[i], "messages") == 0 || strcmp(measures[i], "pairs") == 0;
        if (count && !o->why[0])
            stc_json_int(out, measures[i], (int64_t)v[i]);
        else
            stc_json_real(out, measures[i], v[i]);
    }
    stc_json_open(out, "imbalance", '{');
    for (int c = 0; c < STC_NCONSTRAINTS; c++)
        stc_json_real(out, stc_constraint_names[c], v[IMBALANCE + c]);
    stc_json_close(out, '}');
    stc_json_bool(out, "balanced", !o->why[0] && q->excess <= 0);
    stc_json_bool(out, "no_gain", q->no_gain);
    if (rates && !o->why[0]) {
        stc_json_open(out, "predicted", '{');
        stc_json_int(out, "spike_copies", o->predicted.spike_copies);
        stc_json_real(out, "bytes", o->predicted.bytes);
        stc_json_close(out, '}');
    }
    stc_json_real(out, "seconds", v[NMEASURES - 1]);
    stc_json_close(out, '}');
}

static void print_json(const stc_cli *cli, const stc_subject *s, double imbalance,
                       const outcomes *all)
{
    stc_json out = stc_json_begin(stdout);
    stc_json_string(&out, "file", cli->files[0]);
    stc_json_int(&out, "vertices", s->h.nvertices);
    stc_json_int(&out, "nets", s->h.nnets);
    stc_json_int(&out, "pins", stc_hypergraph_pins(&s->h));
    stc_json_int(&out, "chips", given.chips);
    stc_json_int(&out, "seed", given.seed);
    stc_json_real(&out, "allowed_imbalance", imbalance);
    stc_json_open(&out, "methods", '[');
    for (int i = 0; i < all->n; i++)
        json_method(&out, &all->list[i], s->rates != NULL);
    stc_json_close(&out, ']');
    stc_json_string(&out, "best", all->list[all->best].name);
    if (given.output) stc_json_string(&out, "output", given.output);
    stc_json_end(&out);
}

static int check_output(const stc_cli *cli)
{
    int rc = 0;
    if (cli->comm->rank == 0 && given.output) {
        rc = stc_output_check(given.output);
        if (rc == 0) rc = stc_output_apart(given.output, cli->files[0]);
    }
    return stc_agree(cli->comm, rc);
}

static int partition(const stc_cli *cli)
{
    char words[MAX_LIST];
    const char *methods[MAX_METHODS];
    double imbalance;
    bool used[STC_NCONSTRAINTS];
    outcomes all = {.best = -1};
    STC_TRY(stc_cli_need_files(cli, 1, "the model, program or .hgr file"));
    STC_CHECK(given.chips > 0, STC_ERR_USAGE,
              "--chips K is missing: the number of parts\nhint: stc partition %s --chips 8",
              cli->files[0]);
    STC_TRY(parse_imbalance(&imbalance));
    STC_TRY(parse_constraints(used));
    STC_TRY(parse_methods(words, methods, &all.n));
    for (int i = 0; i < all.n; i++)
        all.list[i].name = methods[i];
    STC_TRY(check_output(cli));
    stc_cli_threads(cli, true);

    stc_subject s = {0};
    int rc = stc_subject_read(cli, &given.graph, &s);
    if (rc == 0) rc = parse_cost(&s.cost);
    if (rc == 0) rc = run_methods(cli, &s, used, imbalance, &all);
    if (rc == 0) rc = write_output(cli, &s, &all);
    if (rc == 0 && cli->comm->rank == 0) {
        if (cli->json)
            print_json(cli, &s, imbalance, &all);
        else
            print_text(cli, &s, &all);
    }
    stc_free(all.part);
    stc_free(all.best_part);
    stc_subject_release(&s);
    return rc;
}

const stc_command stc_command_partition = {
    .name = "partition",
    .help = "try partitions of a model, a program or a .hgr hypergraph",
    .arguments = "MODEL|PROGRAM|GRAPH.hgr --chips K [options]",
    .about = "Assigns the tiles of a model or program, or the vertices of a hypergraph in hMETIS' "
             "format,\nto chips, by one method or several, and shows what each costs: the spikes "
             "per step that\ntravel between chips (one copy per source and chip), and how even "
             "the loads are.\nIn a .hgr file the first pin of a net is its source; vertices have "
             "one to three weights\n(work; neurons, work; neurons, synapse bytes, work).",
    .prints =
        "one line per method: traffic, then the largest part / average of neurons, "
        "synapse_bytes\nand work. (unbalanced): above what --imbalance allows; parts filled "
        "less than half, and\nvertices heavier than an average part, are allowed more. (best): "
        "best balanced, then least\nvolume, as auto chooses. With --json one object {methods: "
        "[{method, ...}]}.",
    .examples =
        "  stc partition model.h5 --chips 64 --methods all\n"
        "  stc partition graph.hgr --chips 8 --constraints work --imbalance 5% -o parts.txt",
    .max_files = 1,
    .tables = {&table, &stc_rules_table},
    .run = partition,
};

#include "population_case.h"
typedef struct { int spikes, missing, extra; double worst; } agreement;
static agreement compare(const reference *run, const char *isa, bool single)
{
    static neurons all;
    memset(&all, 0, sizeof all);
    all.model = find_model(run->model, isa, single); all.single = single; all.n = 1;
    if (set_neuron(&all, 0, run->params) < 0) fail_msg("%s", stc_error_text());
    agreement a = {0}; int s = 0, t = 0, c = 0;
    for (int step = 0; step < STEPS; step++) {
        for (int k = 0; k < all.model->nports; k++) put(single, &all.input[k], 0, run->input[k][step]);
        if (c < run->nchanges && run->change[c] == step) put(single, &all.current, 0, run->current[c++]);
        update_neurons(&all);
        const bool expected = s < run->nspikes && run->spike[s] == step + 1;
        s += expected;
        a.spikes += expected && all.spikes[0]; a.missing += expected && !all.spikes[0]; a.extra += !expected && all.spikes[0];
        if (expected != (all.spikes[0]!=0) && getenv("V")) printf("step %d expected %d\n", step+1, expected);
        if (t < run->ntrace && run->trace_step[t] == step + 1) a.worst = fmax(a.worst, fabs(recorded(&all, 0, 0) - run->trace[t++]));
    }
    return a;
}
int main(int argc, char **argv){ for(int i=1;i<argc;i++){ reference *r=read_reference(argv[i]); for(int single=0;single<2;single++){agreement a=compare(r,"scalar",single); printf("%-28s %s same %d missing %d extra %d worst V %g\n",argv[i],single?"single":"double",a.spikes,a.missing,a.extra,a.worst);} free(r);} }

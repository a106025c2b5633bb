/* list.h - the neuron models, one line each; the order is the index in programs. */
MODEL(lif)

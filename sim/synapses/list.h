/* list.h - the synapse kinds, one line each; the order is the index in programs. */
SYNAPSE(static)

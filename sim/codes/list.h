/* list.h - the codes, one line each; whoever includes this file defines CODE. Programs name them,
 * so that their order is free. */
CODE(rate_encoding)
CODE(poisson_encoding)
CODE(latency_encoding)
CODE(phase_encoding)
CODE(delta_encoding)
CODE(time_mean)
CODE(count_decoding)
CODE(first_spike_decoding)
CODE(phase_decoding)
CODE(temporal_pool)

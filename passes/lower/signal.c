/* signal: being written by the reductions helper. */

/* attention: being written by the reductions helper. */

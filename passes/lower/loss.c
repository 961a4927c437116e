/* loss: being written by the reductions helper. */

/* What the module shows of this folder. */
#include "backend/plugin/plugin.h"
#include "backend/llvm/llvm.h"
#include "ir/version.h"

const LlvmPlugin lpc_llvm_plugin = {.sources = source_hash,
                                    .version = backend_llvm_version,
                                    .write = backend_llvm_write,
                                    .write_text = backend_llvm_write_text,
                                    .ready = llvm_ready,
                                    .load = llvm_load,
                                    .find = llvm_find};

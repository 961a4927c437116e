/* Which lpc this is. */
#ifndef LPC_IR_VERSION_H
#define LPC_IR_VERSION_H

/* SHA-256 of lpc's own sources, in hexadecimal (cmake/SourceHash.cmake). */
extern const char source_hash[];

#endif

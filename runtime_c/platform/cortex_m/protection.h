/* Restricts the program to its flash (read, execute) and its RAM (read, write), so that a wild
   access or a stack overflow is a fault even where a simulator has other memory. */
#ifndef PROTECTION_H
#define PROTECTION_H

/* Does nothing on a core without a memory protection unit. */
void protection_enable(void);

#endif

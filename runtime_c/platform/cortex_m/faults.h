/* The handler of every exception, none of which is expected. */
#ifndef FAULTS_H
#define FAULTS_H

#include <stdint.h>

/* Prints one line that begins with "fault:" and ends the program with a failure. */
void fault_handler(void);

/* The second half of fault_handler, which calls it with the frame that the core has stacked. */
void fault_report(const uint32_t *frame, uint32_t exception);

#endif

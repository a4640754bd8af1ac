// Runs a program whose last step is execve(2), and keeps watch over what it started.
#pragma once

#include "program.h"

namespace sys {

// The same as runProgramInChild, but what a step of execve started goes on. Three words follow the output: how many steps
// there are results of, a socket that is the caller's from then on, and the process, 0 when the program came to its end
// without having started one.
//
// The socket gives the status of each change of the process as wait4(2) has it, 32 bits; -1 when the process has ended and
// others that it started have not; and it ends when none of them runs any more. A byte written to it is a signal for the process; 0, or closing it, kills all of it.
void runProgramApart(ProgramRun& run);

}  // namespace sys

// The processes that a run is spread over, as torchrun and mpirun start them.
#pragma once

#include <memory>

#include "deftnn/tune/engine.h"

namespace deftnn {

/// Which of how many this process is: RANK and WORLD_SIZE, or OMPI_COMM_WORLD_RANK and
/// OMPI_COMM_WORLD_SIZE; the others are met at MASTER_ADDR (default 127.0.0.1) and MASTER_PORT
/// (default 29500). Alone where none is set. Errors: no number, or out of range.
Result<Membership> MembershipFromEnvironment();

/// Opens the engine and meets the others; null where this process is alone.
Result<std::unique_ptr<ProcessGroup>> JoinProcesses();

/// Member 0's value, in every process: what was measured must be the same everywhere, or choices
/// would differ. A failure shows in the next call that returns a status.
double Agreed(ProcessGroup& group, double value);
/// An error in every process unless all have the same text: `what` names it.
Status CheckSame(ProcessGroup& group, const std::string& what, const std::string& text);

/// Is this the process that prints and writes files?
bool IsFirstProcess();

}  // namespace deftnn

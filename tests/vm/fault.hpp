// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

namespace drvbus::test {

/// What can happen to the service from outside.
enum class Fault : std::uint8_t {
    kill,       ///< kill -9
    restart,    ///< systemctl restart
    hang,       ///< SIGSTOP, until the watchdog acts
    upgrade,    ///< another binary in its place, and a restart
    no_memory,  ///< the cgroup gets so little that the kernel kills it
    bus,        ///< the bus is killed
    reload,     ///< with other settings of the channels
};

[[nodiscard]] const std::vector<Fault>& all_faults();
std::ostream& operator<<(std::ostream& stream, Fault fault);

/// Lets it happen, and waits until the service is there again.
/// Throws std::runtime_error where it does not come back.
void happen(Fault fault);

/// Settings of the unit and of the bus that make faults quick: a short watchdog, and a bus that drops what a
/// subscriber does not read soon. In force until this goes.
class QuickFaults {
public:
    QuickFaults();
    QuickFaults(const QuickFaults&) = delete;
    QuickFaults& operator=(const QuickFaults&) = delete;
    ~QuickFaults();
};

}  // namespace drvbus::test

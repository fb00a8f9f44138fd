// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <ostream>
#include <vector>

#include "service.hpp"

namespace drvbus::test {

/// Faults of the service that a test can inject.
enum class Fault : std::uint8_t {
    kill,       ///< SIGKILL
    restart,    ///< systemctl restart
    hang,       ///< SIGSTOP, until the watchdog of systemd kills the process
    upgrade,    ///< the binary is replaced, then systemctl restart
    no_memory,  ///< the memory limit of the cgroup drops until the kernel kills the process
    bus,        ///< the bus is killed
    reload,     ///< systemctl reload, with other settings of the channels
};

[[nodiscard]] const std::vector<Fault>& all_faults();
std::ostream& operator<<(std::ostream& stream, Fault fault);

/// Injects the fault and waits until the service answers on the bus again.
/// Throws std::runtime_error when it does not within the time limit.
void inject(Fault fault);

/// Settings of the unit and of the bus that make faults quick: a short watchdog, and low limits of the bus for messages
/// that a subscriber has not read. In force for the lifetime of the object.
class QuickFaults {
public:
    QuickFaults();
    QuickFaults(const QuickFaults&) = delete;
    QuickFaults& operator=(const QuickFaults&) = delete;
    ~QuickFaults();

private:
    UnitDropIn quick_watchdog_;
};

}  // namespace drvbus::test

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "support/private_bus.hpp"

#include <csignal>
#include <stdexcept>
#include <vector>

namespace drvbus::test {

namespace {

/// Allows everything and activates no services. A low limit makes the bus stop reading from a sender that is faster
/// than the bus: by default, a session bus buffers up to 1 GB of messages, and the last of them arrive late.
std::string configuration(const std::string& address, const std::string& policy)
{
    return "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\"\n"
           " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
           "<busconfig><type>session</type><listen>" +
           address +
           "</listen><policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>"
           "<allow eavesdrop=\"true\"/><allow own=\"*\"/>" +
           policy +
           "</policy>"
           "<limit name=\"max_incoming_bytes\">131072</limit></busconfig>\n";
}

}  // namespace

PrivateBus::PrivateBus() : address_("unix:path=" + directory_.path() + "/bus")
{
    start();
}

void PrivateBus::start(const std::string& policy)
{
    const std::string file = directory_.file("bus.conf", configuration(address_, policy));
    daemon_.emplace(
        std::vector<std::string>{"dbus-daemon", "--config-file=" + file, "--nofork", "--nopidfile", "--print-address"});
    // dbus-daemon prints its address as soon as it listens there.
    if (!wait_until([this] { return daemon_->output().find(address_) != std::string::npos; }))
        throw std::runtime_error("the private bus did not start: " + daemon_->output());
}

void PrivateBus::kill()
{
    daemon_->signal(SIGKILL);
    daemon_->wait();
}

}  // namespace drvbus::test

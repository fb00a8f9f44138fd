// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The tests of the kernel module run without drvbusd, which would open their channels, too. They are therefore
// programs of their own.
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <systemd/sd-daemon.h>

#include "support/process.hpp"

namespace drvbus::test {
namespace {

void systemctl(const std::vector<std::string>& arguments)
{
    std::vector<std::string> command{"systemctl", "--quiet"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const Result result = run(command);
    if (result.status != 0)
        throw std::runtime_error("systemctl " + arguments.front() + ": " + result.output);
}

class WithoutDaemon : public testing::Environment {
public:
    // Masks the service, because udev would start it for the first channel.
    void SetUp() override { systemctl({"mask", "--runtime", "--now", "drvbusd"}); }
    void TearDown() override { systemctl({"unmask", "--runtime", "drvbusd"}); }
};

/// The guest with the debug kernel runs without systemd.
bool has_systemd()
{
    return sd_booted() > 0;
}

}  // namespace
}  // namespace drvbus::test

int main(int argc, char** argv)
{
    testing::InitGoogleTest(&argc, argv);
    if (drvbus::test::has_systemd())
        testing::AddGlobalTestEnvironment(new drvbus::test::WithoutDaemon);
    return RUN_ALL_TESTS();
}

// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/unchanged_input.hpp"

namespace drvbus::cli {

UnchangedInput::UnchangedInput(int fd) : fd_(fd)
{
    termios settings{};
    if (tcgetattr(fd, &settings) < 0)
        return;
    before_ = settings;
    settings.c_iflag = 0;
    // Ctrl-C still ends the command if this is its own terminal.
    settings.c_lflag &= ISIG;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    tcsetattr(fd, TCSANOW, &settings);
}

UnchangedInput::~UnchangedInput()
{
    if (before_)
        tcsetattr(fd_, TCSANOW, &*before_);
}

}  // namespace drvbus::cli

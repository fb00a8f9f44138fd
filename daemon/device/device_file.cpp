// SPDX-License-Identifier: LGPL-2.1-or-later
#include "device/device_file.hpp"

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>

#include "base/errno.hpp"
#include "device/sd_device_ptr.hpp"

namespace drvbus::device {

namespace {

bool has_poll_event(int fd, short event)
{
    pollfd status{fd, event, 0};
    return fd >= 0 && poll(&status, 1, 0) == 1 && (status.revents & event) != 0;
}

UniqueFd inherited_file(const service::InheritedFds& inherited, const std::string& name)
{
    UniqueFd file = inherited.open(name);
    if (!file)
        throw UnusableError(fmt::format("the service manager passed no file called \"{}\"; see "
                                        "FileDescriptorName= in systemd.socket(5)",
                                        name));
    return file;
}

/// Why no device matches.
std::string absence(const Match& match)
{
    const std::string hint = advice(match);
    return fmt::format("there is no device of {}{}{}", to_string(match), hint.empty() ? "" : "; ", hint);
}

/// The type and the number of the device with this path in sysfs; 0 if there is none.
struct stat status_of_device(const std::string& sysfs)
{
    struct stat status {};
    sd_device* raw = nullptr;
    if (sd_device_new_from_syspath(&raw, sysfs.c_str()) < 0)
        return status;
    const SdDevicePtr device(raw);
    const char* subsystem = nullptr;
    if (sd_device_get_devnum(raw, &status.st_rdev) >= 0 && sd_device_get_subsystem(raw, &subsystem) >= 0)
        status.st_mode = std::string_view(subsystem) == "block" ? S_IFBLK : S_IFCHR;
    return status;
}

/// Whether the path is the node of the device, or a link that udev makes to it.
bool has_node(sd_device* device, const std::string& path)
{
    const char* node = nullptr;
    bool found = sd_device_get_devname(device, &node) >= 0 && path == node;
    for (const char* link = sd_device_get_devlink_first(device); link != nullptr && !found;
         link = sd_device_get_devlink_next(device))
        found = path == link;
    return found;
}

}  // namespace

DevicesInUse::Use take_stored_device(DevicesInUse& in_use, const std::string& channel, int fd,
                                     std::span<const std::byte> setup, bool shared)
{
    struct stat status {};
    check(fstat(fd, &status) < 0 ? -errno : 0, "fstat");
    const bool returned_by_driver = (status.st_mode & S_IFMT) == 0;  // the type of an anonymous inode
    if (returned_by_driver)
        status = status_of_device(SetupState::from_bytes(setup).sysfs);
    return in_use.take(status, channel, shared).use;
}

DeviceFile::~DeviceFile()
{
    if (fd_ && !service::can_store_fds())
        undo_setup();
}

OpenedDevice DeviceFile::open(record::ChannelDescription& description, UniqueFd inherited_device)
{
    awaits_change_ = false;
    awaited_path_.clear();
    awaits_release_ = false;
    UniqueFd open_file = std::move(inherited_device);
    if (open_file)
        stored_ = true;  // the service manager keeps its copy of the file
    else
        open_file = std::move(fd_);
    // The driver signals only the eventfd that the setup registered. If that eventfd is missing, the device must be
    // opened and set up again. A device of another channel must be given up.
    if (open_file && settings_ &&
        ((settings_->eventfd_step && !eventfd_) || (!use_ && !take(description.name, open_file.get())))) {
        fd_ = std::exchange(open_file, UniqueFd());
        close(description.name);
    }
    newly_opened_ = !open_file;
    OpenedDevice opened = open_file ? adopt(description, std::move(open_file)) : open_new(description);
    fd_ = std::move(opened.fd);
    ring_ = opened.ring;
    return opened;
}

/// Takes the open device for the channel.
/// @returns false if another channel uses it
bool DeviceFile::take(const std::string& channel, int fd)
{
    struct stat status {};
    check(fstat(fd, &status) < 0 ? -errno : 0, "fstat");
    if (use_.is_of(status))
        return true;
    DevicesInUse::Taken taken = in_use_.take(status, channel, is_shared());
    use_ = std::move(taken.use);
    awaits_release_ = !taken.user.empty();
    return taken.user.empty();
}

OpenedDevice DeviceFile::open_new(record::ChannelDescription& description)
{
    if (!settings_)
        return open_node(description);
    const bool inherited = description.node.starts_with("fd:");
    if (!inherited)
        choose_node(description);
    OpenedDevice opened =
        inherited ? adopt(description, inherited_file(inherited_, description.node.substr(3))) : open_node(description);
    // The node may have become that of another device since it was chosen.
    if (!take(description.name, opened.fd.get()))
        throw std::runtime_error(fmt::format("another channel uses {}", description.node));
    return opened;
}

/// Sets the node of the description to the one to open, and takes it for the channel.
void DeviceFile::choose_node(record::ChannelDescription& description)
{
    const bool matched = settings_->match.has_value();
    const std::vector<std::string> nodes = matched ? find(*settings_->match) : std::vector{description.node};
    awaits_change_ = nodes.empty();
    if (nodes.empty())
        throw AbsentError(absence(*settings_->match));
    DevicesInUse::FreeNode free = in_use_.take_first(nodes, description.name, is_shared());
    use_ = std::move(free.use);
    awaits_release_ = free.node.empty();
    if (awaits_release_ && matched)
        throw AbsentError(fmt::format("there is no other device of {}: {}", to_string(*settings_->match), free.used));
    if (awaits_release_)
        throw std::runtime_error(
            fmt::format("{}; if both are to read it, set shared = true in both channels", free.used));
    description.node = free.node;
}

OpenedDevice DeviceFile::open_node(const record::ChannelDescription& description)
{
    try {
        return device::open(description, settings_ && settings_->writes());
    } catch (const AbsentError&) {
        awaits_change_ = true;
        awaited_path_ = description.node;
        throw;
    } catch (const std::system_error& error) {
        awaits_change_ = error.code().value() == EACCES || error.code().value() == EPERM;
        awaited_path_ = awaits_change_ ? description.node : std::string();
        throw;
    }
}

bool DeviceFile::waits_for(sd_device* device, ArrivalMonitor::Change change) const
{
    if (!settings_ || is_open() || (change == ArrivalMonitor::Change::changed && !awaits_change_))
        return false;
    return settings_->match ? matches(*settings_->match, device) : has_node(device, settings_->path);
}

void DeviceFile::set_up(checkpoint::Checkpoint& checkpoint)
{
    if (ring_)
        return;
    if (!std::exchange(newly_opened_, false)) {
        setup_state_ = SetupState::from_bytes(checkpoint.setup());
        return;
    }
    // The previously opened device may have left an incomplete event, which the new one does not continue.
    checkpoint.discard_staged();
    setup_state_ = {};
    eventfd_.reset();
    if (settings_)
        setup_state_ = run_setup(*settings_, fd_, eventfd_);
    checkpoint.set_setup(setup_state_.to_bytes());
}

void DeviceFile::store(const std::string& channel)
{
    if (std::exchange(stored_, true))
        return;
    service::store_fd(service::StoredFdKind::device, channel, fd_.get());
    if (eventfd_)
        service::store_fd(service::StoredFdKind::eventfd, channel, eventfd_.get());
}

void DeviceFile::undo_setup()
{
    if (settings_)
        device::undo_setup(*settings_, setup_state_, fd_.get(), eventfd_.get());
    setup_state_ = {};
}

void DeviceFile::close(const std::string& channel)
{
    if (fd_)
        undo_setup();
    if (std::exchange(stored_, false)) {
        service::remove_fd(service::StoredFdKind::device, channel);
        service::remove_fd(service::StoredFdKind::eventfd, channel);
    }
    eventfd_.reset();
    fd_.reset();
    use_.reset();
}

bool DeviceFile::hung_up() const noexcept
{
    return has_poll_event(fd_.get(), POLLHUP);
}

bool DeviceFile::readable() const noexcept
{
    return has_poll_event(fd_.get(), POLLIN);
}

}  // namespace drvbus::device

// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/unique_fd.hpp"

/// What the daemon uses of the service manager: the file descriptor store (FileDescriptorStoreMax= in
/// systemd.service(5)), and notifications (service_status.hpp).
namespace drvbus::service {

/// The files of one channel that the service manager keeps while the daemon restarts. Any of them may be missing.
struct StoredFds {
    UniqueFd device;
    UniqueFd eventfd;     ///< registered with the driver
    UniqueFd checkpoint;  ///< memfd of checkpoint::Checkpoint
};

/// One of the files in StoredFds.
enum class StoredFdKind : std::uint8_t { device, eventfd, checkpoint };

/// The open files that the service manager passed to this process.
class InheritedFds {
public:
    /// Takes ownership of all passed files. Create one object per process.
    /// @throws std::system_error
    InheritedFds();

    /// @param name as in FileDescriptorName=
    /// @returns a duplicate, owned by the caller; invalid if no file of this name was passed
    /// @throws std::system_error
    [[nodiscard]] UniqueFd open(const std::string& name) const;

    /// Whether an earlier process stored files that were not taken yet.
    [[nodiscard]] bool has_stored() const noexcept { return !stored_.empty(); }

    /// @returns what an earlier process stored, by channel name; the second call returns nothing
    [[nodiscard]] std::map<std::string, StoredFds> take_stored();

private:
    std::map<std::string, UniqueFd> fds_;
    std::map<std::string, StoredFds> stored_;
};

/// Whether a service manager stores files. If so, a stored device stays open when this process exits.
[[nodiscard]] bool can_store_fds();

/// Stores a duplicate of `fd`. If the service manager cannot be reached, it logs a warning. If its store is full, it
/// does nothing: see `is_incomplete`. Call `remove_fd` first if a file is already stored: the service manager would
/// keep both.
void store_fd(StoredFdKind which, const std::string& channel, int fd);

/// Whether a file of the channel is not stored because the store is full. $FDSTORE of systemd 254 says how many files
/// the store takes; $DRVBUS_FD_STORE_MAX says it for an older systemd.
[[nodiscard]] bool is_incomplete(const std::string& channel);

/// Makes the service manager close the stored file. No effect if there is none.
void remove_fd(StoredFdKind which, const std::string& channel);

}  // namespace drvbus::service

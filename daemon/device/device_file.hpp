// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>
#include <optional>

#include "base/fd_store.hpp"
#include "base/unique_fd.hpp"
#include "checkpoint/checkpoint.hpp"
#include "device/open.hpp"
#include "device/settings.hpp"
#include "device/setup.hpp"
#include "notification/notification.hpp"
#include "reader/reader.hpp"
#include "record/channel_description.hpp"

namespace drvbus::device {

/// A channel's device: opened, set up, and given to the service manager, which keeps it for the next process.
class Node {
public:
    /// @param eventfd that an earlier process had handed over to it; none: none
    /// @param inherited outlive the node
    Node(const service::InheritedFds& inherited, UniqueFd eventfd) : inherited_(inherited), eventfd_(std::move(eventfd))
    {
    }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;
    /// Takes the device down if nobody keeps it.
    ~Node();

    /// What the configuration says of the device; none: it is of class drvbus, or the configuration says something
    /// else by now.
    void configure(std::optional<Settings> settings) { settings_ = std::move(settings); }
    [[nodiscard]] const Settings* settings() const { return settings_ ? &*settings_ : nullptr; }

    /// Opens it; or goes on with `kept`, or with what is open already.
    /// @param description gets the node that was found
    /// @throws Absent, Unusable, std::exception
    /// @returns what it is; its file stays here
    Opened open(Description& description, UniqueFd kept);
    /// To be called behind `open`: does what the configuration has for a device that was opened anew.
    void set_up(Ledger& ledger);
    /// Gives it to the service manager, if that has not got it.
    void keep(const std::string& channel);
    /// Undoes what was set up, and closes it.
    void close(const std::string& channel);

    [[nodiscard]] std::unique_ptr<Reader> make_reader(const Description& description, Ledger& ledger) const;
    /// Of what was taken from a device that is not open any more.
    [[nodiscard]] std::unique_ptr<Reader> make_rest_reader(const Description& description, Ledger& ledger) const;
    [[nodiscard]] Decoder make_decoder() const;
    [[nodiscard]] notification::Device for_notification(const Description& description) const;

    [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }
    [[nodiscard]] bool is_ring() const noexcept { return ring_; }
    [[nodiscard]] bool is_kept() const noexcept { return kept_; }
    [[nodiscard]] bool is_open_as(const std::string& path) const noexcept
    {
        return device::is_open_as(path, fd_.get());
    }
    [[nodiscard]] bool hung_up() const noexcept;
    [[nodiscard]] bool readable() const noexcept;

private:
    [[nodiscard]] Opened open_anew(Description& description) const;
    void take_down();

    const service::InheritedFds& inherited_;
    std::optional<Settings> settings_;
    bool ring_ = false;
    bool kept_ = false;  ///< the service manager has it as well
    bool anew_ = false;
    SetUp set_up_;
    UniqueFd fd_;
    UniqueFd eventfd_;
};

}  // namespace drvbus::device

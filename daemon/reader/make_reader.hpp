// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>

#include "checkpoint/checkpoint.hpp"
#include "device/device_file.hpp"
#include "reader/reader.hpp"
#include "record/channel_description.hpp"
#include "record/decoding.hpp"

namespace drvbus::reader {

/// A reader for an open device: a ring reader if the device has a drvbus ring, otherwise a input reader.
/// @param device, checkpoint must outlive the reader
[[nodiscard]] std::unique_ptr<Reader> make_reader(const device::DeviceFile& device,
                                                  const record::ChannelDescription& description,
                                                  checkpoint::Checkpoint& checkpoint);

/// A input reader that does not read the device, only the input that was already read from it.
/// @param checkpoint must outlive the reader
[[nodiscard]] std::unique_ptr<Reader> make_remaining_input_reader(const device::DeviceFile& device,
                                                                  const record::ChannelDescription& description,
                                                                  checkpoint::Checkpoint& checkpoint);

/// A decoder for the current configuration of the device.
[[nodiscard]] record::Decoder make_decoder(const device::DeviceFile& device);

}  // namespace drvbus::reader

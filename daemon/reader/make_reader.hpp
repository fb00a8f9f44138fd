// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>

#include "checkpoint/checkpoint.hpp"
#include "device/device_file.hpp"
#include "reader/reader.hpp"
#include "record/channel_description.hpp"
#include "record/decoding.hpp"

namespace drvbus::reader {

/// The reader for an open device: of its ring if it has one, else of its input stream.
/// @param device, checkpoint must outlive the reader
[[nodiscard]] std::unique_ptr<Reader> make_reader(const device::DeviceFile& device,
                                                  const record::ChannelDescription& description,
                                                  checkpoint::Checkpoint& checkpoint);

/// A reader without a device, for the input that was already read from it.
[[nodiscard]] std::unique_ptr<Reader> make_remaining_input_reader(const device::DeviceFile& device,
                                                                  const record::ChannelDescription& description,
                                                                  checkpoint::Checkpoint& checkpoint);

/// The decoder for the device's present configuration.
[[nodiscard]] record::Decoder make_decoder(const device::DeviceFile& device);

}  // namespace drvbus::reader

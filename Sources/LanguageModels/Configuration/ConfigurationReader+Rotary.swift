import Foundation

/// What a family calls its rotary entries, and what they are when absent.
struct RotaryKeys {
    var theta = "rope_theta"
    var defaultTheta = 10_000.0
    /// The base of layers with a window, in families where it is always one of their own.
    var localTheta: (key: String, fallback: Double)?
    /// The part of each head that is turned; nil = all of it, and another part is an error.
    var fraction: (key: String, fallback: Double)?
    /// Kinds of scaling, and older names of one of them.
    var kinds = ["default", "linear", "dynamic", "llama3", "yarn", "longrope"]
    var formerKinds: [String: String] = [:]
    /// Whether the family has layers of several types, so that `rope_parameters` may have an entry for each; in others
    /// transformers does not read such entries.
    var byLayer = false
}

/// Rotary positions in config.json: `rope_theta` and `rope_scaling` as transformers 4 writes them, or `rope_parameters` as
/// transformers 5 does, which holds both, for all layers or for each type of layer.
///
/// Where both spellings occur, or where versions of transformers differ, the reading is that of transformers 5.23.
extension ConfigurationReader {
    static let layerKinds = ["full_attention", "sliding_attention"]

    /// Reads rotary positions into `configuration`, whose head size and `max_position_embeddings` are known by then.
    func readRotary(_ configuration: inout ModelConfiguration, _ keys: RotaryKeys = RotaryKeys()) throws {
        let older = try entries("rope_scaling")
        let newer = try entries("rope_parameters")
        try readFraction(&configuration, keys, [older, newer].compactMap { $0 })
        let context = configuration.contextLength
        if let local = keys.localTheta {
            (configuration.rotary, configuration.localRotary) = try rotaryByLayer(
                older, newer, keys, local, context: context)
        } else {
            let read = try (older ?? newer).map { try rotary($0, keys, context: context) }
            if let older, let newer, try rotary(newer, keys, context: context) != rotary(older, keys, context: context)
            {
                throw bad("rope_scaling", "contradicts 'rope_parameters'; keep one of the two")
            }
            let theta = try number(keys.theta, default: keys.defaultTheta)
            configuration.rotary = read?.full ?? Rotary(theta: theta)
            configuration.localRotary = read?.local == read?.full ? nil : read?.local
        }
        try setContext(&configuration)
    }

    /// A nested object that is not empty.
    private func entries(_ key: String) throws -> ConfigurationReader? {
        guard let found = try object(key), !found.values.isEmpty else { return nil }
        return found
    }

    private func setContext(_ configuration: inout ModelConfiguration) throws {
        if case .yarn(let yarn) = configuration.rotary.scaling {
            guard let context = yarn.context else {
                throw bad("rope_scaling", "stretches the context to no sensible length: factor \(yarn.factor)")
            }
            configuration.contextLength = context
        }
        for rotary in [configuration.rotary, configuration.localRotary] {
            guard case .long(let long) = rotary?.scaling else { continue }
            configuration.contextLength = min(configuration.contextLength, long.originalContext)
        }
    }

    // MARK: The part of a head that is turned

    private func readFraction(
        _ configuration: inout ModelConfiguration, _ keys: RotaryKeys, _ nested: [ConfigurationReader]
    ) throws {
        let readers =
            try nested
            + nested.flatMap { reader in
                try Self.layerKinds.compactMap { try reader.object($0) }
            }
        let key = "partial_rotary_factor"
        guard let (own, fallback) = keys.fraction else {
            for reader in [self] + readers where try reader.number(key, default: 1) != 1 {
                throw reader.bad(key, "is not 1, which is not implemented for this model_type")
            }
            return
        }
        let stated = readers.filter { $0.has(key) }
        let fraction = try stated.first?.number(key) ?? number(own, default: fallback)
        for reader in stated where try reader.number(key) != fraction {
            throw reader.bad(key, "differs from \(fraction), which stands elsewhere in the file")
        }
        let size = Double(configuration.headSize) * fraction
        guard fraction > 0, fraction <= 1, size >= 2, Int(size) % 2 == 0 else {
            throw (stated.first ?? self).bad(
                stated.isEmpty ? own : key,
                "is \(fraction), which turns no even number of the \(configuration.headSize) elements of a head")
        }
        configuration.rotarySize = Int(size)
        configuration.rotaryFraction = fraction
    }

    // MARK: Layers

    private typealias Layers = (full: Rotary, local: Rotary?)

    /// `entries` for all layers, or with an entry for each type of layer.
    private func rotary(
        _ entries: ConfigurationReader, _ keys: RotaryKeys, context: Int
    ) throws -> (full: Rotary, local: Rotary?) {
        let theta = try number(keys.theta, default: keys.defaultTheta)
        guard Self.layerKinds.contains(where: { entries.values[$0] != nil }) else {
            let original =
                try has("original_max_position_embeddings")
                ? integer("original_max_position_embeddings") : nil
            return (try entries.rotary(keys, theta: theta, context: context, original: original), nil)
        }
        guard keys.byLayer else {
            let found = Self.layerKinds.first { entries.values[$0] != nil } ?? Self.layerKinds[0]
            throw entries.bad(
                found, "is an entry by type of layer, which this model_type does not have; write its keys without it")
        }
        for key in entries.values.keys.sorted() where !Self.layerKinds.contains(key) && entries.has(key) {
            throw entries.bad(key, "stands beside entries by type of layer; move it into them")
        }
        func kind(_ name: String) throws -> Rotary? {
            try entries.object(name)?.rotaryOfLayers(keys, theta: theta, context: context)
        }
        let (full, local) = (try kind("full_attention"), try kind("sliding_attention"))
        let used = try strings("layer_types") ?? []
        for (name, found) in [("full_attention", full), ("sliding_attention", local)]
        where found == nil && used.contains(name) {
            throw entries.bad(name, "is missing, but 'layer_types' has such layers")
        }
        guard let any = full ?? local else { throw entries.bad("full_attention", "is missing") }
        return (full ?? any, local)
    }

    /// Gemma's: two entries in `rope_parameters`; `rope_scaling` is for layers without a window.
    private func rotaryByLayer(
        _ older: ConfigurationReader?, _ newer: ConfigurationReader?, _ keys: RotaryKeys,
        _ local: (key: String, fallback: Double), context: Int
    ) throws -> (Rotary, Rotary) {
        let theta = try number(keys.theta, default: keys.defaultTheta)
        func reader(_ name: String) throws -> ConfigurationReader {
            let found = try newer?.object(name)
            return found ?? ConfigurationReader(values: [:], source: "\(source): rope_parameters: \(name)")
        }
        var full = try reader("full_attention")
        if let older {
            full = ConfigurationReader(values: full.values.merging(older.values) { $1 }, source: older.source)
        }
        let rotary = try full.rotaryOfLayers(keys, theta: theta, context: context)
        let rest = (newer?.values ?? [:]).filter {
            !Self.layerKinds.contains($0.key) && $0.value != .null && !Self.isOfOtherLayers($0)
        }
        if let newer, !rest.isEmpty {
            // transformers ignores them; a file may have them as long as that makes no difference.
            let flat = ConfigurationReader(values: rest, source: newer.source)
            guard try flat.rotary(keys, theta: theta, context: context, original: nil) == rotary else {
                throw bad("rope_parameters", "must have an entry for full_attention and one for sliding_attention")
            }
        }
        return (
            rotary,
            try reader("sliding_attention").rotaryOfLayers(
                keys, theta: positive(local.key, default: local.fallback), context: context)
        )
    }

    /// An entry for a type of layer that no layer of the family can have, and that is therefore never read.
    private static func isOfOtherLayers(_ entry: (key: String, value: JSON)) -> Bool {
        if case .object = entry.value { return entry.key.hasSuffix("_attention") }
        return false
    }

    /// The entry of one type of layer.
    private func rotaryOfLayers(_ keys: RotaryKeys, theta: Double, context: Int) throws -> Rotary {
        // transformers looks for it beside the types of layer, where no version writes it.
        guard try bool("truncate", default: true) else {
            throw bad("truncate", "is false, which is not implemented here")
        }
        return try rotary(keys, theta: theta, context: context, original: nil)
    }
}

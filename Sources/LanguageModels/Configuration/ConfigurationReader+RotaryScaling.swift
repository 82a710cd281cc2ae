import Foundation

/// One object of rotary entries: base and kind of scaling.
extension ConfigurationReader {
    private static let rotaryKeys: Set = [
        "rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "original_max_position_embeddings",
        "low_freq_factor", "high_freq_factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
        "truncate", "short_factor", "long_factor",
    ]

    /// - Parameters:
    ///   - theta: the base when the object has none.
    ///   - context: `max_position_embeddings`
    ///   - original: `original_max_position_embeddings` of the file itself, which goes before that of the object.
    func rotary(_ keys: RotaryKeys, theta: Double, context: Int, original: Int?) throws -> Rotary {
        for key in values.keys.sorted() where !Self.rotaryKeys.contains(key) && has(key) {
            throw bad(key, "is not implemented")
        }
        let base = try number("rope_theta", default: theta)
        var kind = try string("rope_type", default: string("type", default: "default"))
        kind = keys.formerKinds[kind] ?? kind
        guard keys.kinds.contains(kind) else {
            let known = keys.kinds.joined(separator: ", ")
            throw bad("rope_type", "is '\(kind)'; implemented for this model_type are \(known)")
        }
        func originalContext() throws -> Int {
            try original ?? integer("original_max_position_embeddings", default: context)
        }
        switch kind {
        case "linear": return Rotary(theta: base, scaling: .linear(factor: try positive("factor")))
        case "dynamic": return Rotary(theta: base, scaling: .dynamic(factor: try positive("factor")))
        case "llama3":
            let low = try positive("low_freq_factor")
            let high = try positive("high_freq_factor")
            guard high > low else { throw bad("high_freq_factor", "must be above low_freq_factor") }
            return Rotary(
                theta: base,
                scaling: .llama3(
                    factor: try positive("factor"), lowFrequency: low, highFrequency: high,
                    originalContext: try originalContext()))
        case "yarn":
            return Rotary(theta: base, scaling: .yarn(try yarn(context: context, original: originalContext())))
        case "longrope":
            return Rotary(theta: base, scaling: .long(try long(context: context, original: originalContext())))
        default: return Rotary(theta: base)
        }
    }

    /// The factor is what the file says; transformers before 4.57 put the ratio of the two contexts in its place. Only
    /// where the file has null is it that ratio; transformers refuses a file without the key.
    private func yarn(context: Int, original: Int) throws -> Rotary.YaRN {
        guard has("factor") || isNull("factor") && has("original_max_position_embeddings") else {
            throw bad("factor", "is missing")
        }
        let factor = try positive("factor", default: Double(context) / Double(original))
        let usual = Rotary.YaRN.usualAttention(
            factor, try number("mscale", default: 0), all: try number("mscale_all_dim", default: 0))
        var yarn = Rotary.YaRN(
            factor: factor, originalContext: original,
            attentionFactor: try positive("attention_factor", default: usual))
        yarn.betaFast = try positive("beta_fast", default: 32)
        yarn.betaSlow = try positive("beta_slow", default: 1)
        yarn.truncate = try bool("truncate", default: true)
        guard yarn.betaFast > yarn.betaSlow else { throw bad("beta_fast", "must be above beta_slow") }
        return yarn
    }

    private func long(context: Int, original: Int) throws -> Rotary.LongRoPE {
        guard let short = try numbers("short_factor") else { throw bad("short_factor", "is missing") }
        guard let long = try numbers("long_factor") else { throw bad("long_factor", "is missing") }
        let usual = Rotary.LongRoPE.usualAttention(
            try positive("factor", default: Double(context) / Double(original)), original)
        return Rotary.LongRoPE(
            shortFactors: short, longFactors: long, originalContext: original,
            attentionFactor: try positive("attention_factor", default: usual))
    }
}

extension Rotary.YaRN {
    /// What queries and keys are multiplied by when the file does not say: section 3.4 of the paper, with DeepSeek's
    /// weights where both are there.
    static func usualAttention(_ factor: Double, _ scale: Double = 0, all: Double = 0) -> Double {
        func attention(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
        return scale != 0 && all != 0 ? attention(scale) / attention(all) : attention(1)
    }
}

extension Rotary.LongRoPE {
    /// What queries and keys are multiplied by when the file does not say.
    static func usualAttention(_ factor: Double, _ original: Int) -> Double {
        factor <= 1 || original <= 1 ? 1 : (1 + log(factor) / log(Double(original))).squareRoot()
    }
}

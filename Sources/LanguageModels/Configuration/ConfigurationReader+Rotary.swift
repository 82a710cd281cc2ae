import Foundation

/// Rotary positions in config.json: `rope_theta` and `rope_scaling`, or the newer `rope_parameters` that holds both.
extension ConfigurationReader {
    /// Reads base and scaling into `configuration`, whose context length is known by then.
    ///
    /// - Parameter thetaKey: what the family calls the base.
    func readRotary(
        _ configuration: inout ModelConfiguration, theta fallback: Double = 10_000, thetaKey: String = "rope_theta"
    ) throws {
        let newer = try object("rope_parameters")
        let theta = try number(thetaKey, default: fallback)
        configuration.ropeTheta = try newer?.number("rope_theta", default: theta) ?? theta
        guard let scaling = try newer ?? object("rope_scaling") else { return }
        configuration.ropeScaling = try scaling.rotaryScaling(context: configuration.contextLength)
    }

    /// Elements of a head that a fraction of it are, rounded down as transformers does.
    func rotarySize(_ key: String, default fallback: Double, headSize: Int) throws -> Int {
        let newer = try object("rope_parameters")
        let own = try number(key, default: fallback)
        let fraction = try newer?.number("partial_rotary_factor", default: own) ?? own
        let size = Double(headSize) * fraction
        guard fraction > 0, fraction <= 1, size >= 2, Int(size) % 2 == 0 else {
            throw bad(key, "is \(fraction), which turns no even number of the \(headSize) elements of a head")
        }
        return Int(size)
    }

    /// - Throws: when only a part of each head would be turned, in families where that is not implemented.
    func refusePartialRotary() throws {
        for reader in try [self, object("rope_parameters")].compactMap({ $0 })
        where try reader.number("partial_rotary_factor", default: 1) != 1 {
            throw reader.bad("partial_rotary_factor", "is not 1, which is not implemented for this model_type")
        }
    }

    private static let rotaryKeys: Set = [
        "rope_type", "type", "rope_theta", "partial_rotary_factor", "factor", "original_max_position_embeddings",
        "low_freq_factor", "high_freq_factor", "attention_factor", "beta_fast", "beta_slow", "mscale", "mscale_all_dim",
    ]

    private func rotaryScaling(context: Int) throws -> ModelConfiguration.RotaryScaling {
        for key in values.keys.sorted() where !Self.rotaryKeys.contains(key) && has(key) {
            // Their factors belong to a kind that is refused by its name.
            if key == "short_factor" || key == "long_factor" { continue }
            throw bad(key, "is not implemented")
        }
        let kind = try string("rope_type", default: string("type", default: "default"))
        switch kind {
        case "default": return .none
        case "linear": return .linear(factor: try positive("factor"))
        case "llama3":
            let low = try positive("low_freq_factor")
            let high = try positive("high_freq_factor")
            guard high > low else { throw bad("high_freq_factor", "must be above low_freq_factor") }
            return .llama3(
                factor: try positive("factor"), lowFrequency: low, highFrequency: high,
                originalContext: try integer("original_max_position_embeddings"))
        case "yarn": return .yarn(try yarn(context: context))
        default: throw bad("rope_type", "is '\(kind)'; implemented are default, linear, llama3 and yarn")
        }
    }

    /// As transformers 4.53 reads it: with `original_max_position_embeddings` the factor is the ratio of the two contexts,
    /// and `factor` counts only without it.
    private func yarn(context: Int) throws -> ModelConfiguration.YaRN {
        var factor = try positive("factor")
        var original = context
        if has("original_max_position_embeddings") {
            original = try integer("original_max_position_embeddings")
            factor = Double(context) / Double(original)
        }
        /// Section 3.4 of the paper, with DeepSeek's weight.
        func attention(_ weight: Double) -> Double { factor <= 1 ? 1 : 0.1 * weight * log(factor) + 1 }
        let (scale, all) = (try number("mscale", default: 0), try number("mscale_all_dim", default: 0))
        let usual = scale != 0 && all != 0 ? attention(scale) / attention(all) : attention(1)
        var yarn = ModelConfiguration.YaRN(
            factor: factor, originalContext: original,
            attentionFactor: try positive("attention_factor", default: usual))
        yarn.betaFast = try positive("beta_fast", default: 32)
        yarn.betaSlow = try positive("beta_slow", default: 1)
        guard yarn.betaFast > yarn.betaSlow else { throw bad("beta_fast", "must be above beta_slow") }
        return yarn
    }
}

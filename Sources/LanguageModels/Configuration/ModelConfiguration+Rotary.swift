/// Rotary positions of an export, in both spellings, so that transformers 4 and 5 compute the same.
extension ModelConfiguration {
    /// `rope_theta`, `rope_scaling` and `rope_parameters`.
    func rotaryEntries(_ keys: RotaryKeys = RotaryKeys()) -> [String: JSON] {
        var values: [String: JSON] = [:]
        if let fraction = keys.fraction { values[fraction.key] = .number(statedFraction) }
        let full = parameters(rotary, keys)
        guard let localRotary else {
            values[keys.theta] = .number(rotary.theta)
            values["rope_scaling"] = olderScaling
            values["rope_parameters"] = .object(full)
            values.merge(longContext) { $1 }
            return values
        }
        values["rope_parameters"] = .object([
            "full_attention": .object(full), "sliding_attention": .object(parameters(localRotary, keys)),
        ])
        if let local = keys.localTheta {
            values[keys.theta] = .number(rotary.theta)
            values["rope_scaling"] = olderScaling
            values[local.key] = .number(localRotary.theta)
        } else {
            // Transformers would take it for all layers.
            values["rope_scaling"] = .null
        }
        return values
    }

    /// `max_position_embeddings`. With yarn it is the stretched context: transformers 4 takes the ratio of both contexts for
    /// the factor. A factor that gives no whole number stands alone, with the original context here.
    var maximumPositions: JSON {
        switch rotary.scaling {
        case .yarn(let yarn): .integer(yarn.isWhole ? contextLength : yarn.originalContext)
        case .long: entry("max_position_embeddings", .integer(contextLength))
        default: .integer(contextLength)
        }
    }

    private var statedFraction: Double { rotaryFraction ?? Double(rotarySize) / Double(headSize) }

    private func parameters(_ rotary: Rotary, _ keys: RotaryKeys) -> [String: JSON] {
        var values = entries(rotary.scaling)
        if values["rope_type"] == nil { values["rope_type"] = values.removeValue(forKey: "type") ?? .string("default") }
        values["rope_theta"] = .number(rotary.theta)
        if keys.fraction != nil { values["partial_rotary_factor"] = .number(statedFraction) }
        switch rotary.scaling {
        case .yarn(let yarn): values["original_max_position_embeddings"] = .integer(yarn.originalContext)
        case .long(let long): values["original_max_position_embeddings"] = .integer(long.originalContext)
        default: break
        }
        return values
    }

    private var olderScaling: JSON {
        let values = entries(rotary.scaling)
        return values.isEmpty ? .null : .object(values)
    }

    /// Where transformers 4 looks for the original context of longrope.
    private var longContext: [String: JSON] {
        guard case .long(let long) = rotary.scaling else { return [:] }
        return ["original_max_position_embeddings": .integer(long.originalContext)]
    }

    private func entries(_ scaling: Rotary.Scaling) -> [String: JSON] {
        switch scaling {
        case .none: return [:]
        case .linear(let factor): return ["rope_type": .string("linear"), "factor": .number(factor)]
        case .dynamic(let factor): return ["rope_type": .string("dynamic"), "factor": .number(factor)]
        case .llama3(let factor, let low, let high, let context):
            return [
                "rope_type": .string("llama3"), "factor": .number(factor), "low_freq_factor": .number(low),
                "high_freq_factor": .number(high), "original_max_position_embeddings": .integer(context),
            ]
        case .yarn(let yarn): return entries(yarn)
        case .long(let long):
            // Transformers 4 wants these three for Phi-3 and no other.
            var values: [String: JSON] = [
                "type": .string("longrope"), "short_factor": .array(long.shortFactors.map(JSON.number)),
                "long_factor": .array(long.longFactors.map(JSON.number)),
            ]
            if case .integer(let context) = maximumPositions,
                long.attentionFactor
                    != Rotary.LongRoPE.usualAttention(
                        Double(context) / Double(long.originalContext), long.originalContext)
            {
                values["attention_factor"] = .number(long.attentionFactor)
            }
            return values
        }
    }

    private func entries(_ yarn: Rotary.YaRN) -> [String: JSON] {
        var values: [String: JSON] = ["rope_type": .string("yarn"), "factor": .number(yarn.factor)]
        if yarn.isWhole { values["original_max_position_embeddings"] = .integer(yarn.originalContext) }
        if yarn.betaFast != 32 { values["beta_fast"] = .number(yarn.betaFast) }
        if yarn.betaSlow != 1 { values["beta_slow"] = .number(yarn.betaSlow) }
        if yarn.attentionFactor != Rotary.YaRN.usualAttention(yarn.factor) {
            values["attention_factor"] = .number(yarn.attentionFactor)
        }
        if !yarn.truncate { values["truncate"] = .bool(false) }
        return values
    }
}

extension Rotary.YaRN {
    /// Whether the stretched context is a whole number of tokens.
    var isWhole: Bool { context.map { Double($0) == factor * Double(originalContext) } ?? false }
}

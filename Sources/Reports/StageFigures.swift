import Foundation

/// The figures of a finished stage, in one line for people.
package enum StageFigures {
    /// `loss 0.512, rows 200, accuracy 76.0 % (66.8 to 83.3 %) of 100 held-out pairs`
    package static func words(_ figures: [String: Double]) -> String {
        var parts = figures.filter { !["accuracy", "held_out"].contains($0.key) }.sorted { $0.key < $1.key }.map {
            "\($0.key) \(Int(exactly: $0.value).map(String.init) ?? Rounded.number($0.value))"
        }
        if figures["accuracy"] != nil {
            parts.append(accuracy(figures).map { "accuracy \(words($0))" } ?? noAccuracy)
        } else if let count = figures["held_out"] {
            parts.append("held_out \(Rounded.number(count))")
        }
        return parts.joined(separator: ", ")
    }

    static let noAccuracy = "one held-out pair is no accuracy; give data.preferences_validation"

    /// Accuracy of the reward model on held-out pairs. One pair is no accuracy.
    static func accuracy(_ figures: [String: Double]) -> Estimate? {
        guard let accuracy = figures["accuracy"] else { return nil }
        guard let pairs = figures["held_out"].flatMap({ Int(exactly: $0) }) else {
            return Estimate(mean: accuracy, count: 0)
        }
        return pairs > 1 ? Estimate.share(accuracy, of: pairs) : nil
    }

    static func words(_ accuracy: Estimate) -> String {
        Rounded.share(accuracy) + (accuracy.count > 0 ? " of \(accuracy.count) held-out pairs" : " of held-out pairs")
    }
}

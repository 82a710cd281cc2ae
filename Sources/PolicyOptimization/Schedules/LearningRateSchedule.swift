import Foundation
package import RunConfiguration

/// Learning rate as a function of the update's number: linear warm-up, then constant, linear or cosine decay.
package struct LearningRateSchedule: Sendable, Equatable {
    package var peak: Double
    package var warmup: Int
    package var total: Int
    package var decay: TrainingSection.Decay
    /// The rate at the end, as a share of the peak.
    package var floor: Double

    /// - Parameters:
    ///   - total: updates in all.
    ///   - warmup: share of them over which the rate climbs to its peak.
    package init(
        peak: Double, total: Int, warmup: Double = 0.05, decay: TrainingSection.Decay = .linear, floor: Double = 0
    ) {
        self.peak = peak
        self.total = max(1, total)
        self.warmup = Int((max(0, min(1, warmup)) * Double(self.total)).rounded(.up))
        self.decay = decay
        self.floor = floor
    }

    /// - Parameter update: from 0. The first update of a warm-up already learns: its rate is peak / warmup.
    package func rate(_ update: Int) -> Double {
        if update < warmup { return peak * Double(update + 1) / Double(warmup) }
        let length = total - warmup
        let done = length > 0 ? min(1, max(0, Double(update - warmup) / Double(length))) : 1
        switch decay {
        case .constant: return peak
        case .linear: return peak * (floor + (1 - floor) * (1 - done))
        case .cosine: return peak * (floor + (1 - floor) * 0.5 * (1 + cos(.pi * done)))
        }
    }
}

import Foundation

/// Figures for people.
enum Rounded {
    /// About three digits: 0.612, 5.91, 48.2, 1200.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return "\(value)" }
        let size = abs(value)
        let digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
        let text = String(format: "%.\(digits)f", value)
        return Double(text) == 0 ? text.replacing("-", with: "") : text
    }

    static func signed(_ value: Double) -> String { (value > 0 ? "+" : "") + number(value) }

    static func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }

    /// 0.612 (0.580 to 0.640)
    static func estimate(_ estimate: Estimate?, signed: Bool = false) -> String {
        guard let estimate else { return "-" }
        let word = signed ? Self.signed : number
        guard let low = estimate.low, let high = estimate.high else { return word(estimate.mean) }
        return "\(word(estimate.mean)) (\(word(low)) to \(word(high)))"
    }

    /// 87.5 % (82.2 to 91.4 %)
    static func share(_ estimate: Estimate?) -> String {
        guard let estimate else { return "-" }
        guard let low = estimate.low, let high = estimate.high else { return percent(estimate.mean) }
        return String(format: "%.1f %% (%.1f to %.1f %%)", estimate.mean * 100, low * 100, high * 100)
    }

    /// 2 min 3 s
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return "-" }
        let whole = Int(seconds.rounded())
        if whole < 60 { return "\(whole) s" }
        return whole < 3600 ? "\(whole / 60) min \(whole % 60) s" : "\(whole / 3600) h \(whole % 3600 / 60) min"
    }
}

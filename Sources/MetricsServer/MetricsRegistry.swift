package import CoreMetrics
import Synchronization

/// What one process has counted: the backend of swift-metrics, and its text for Prometheus.
///
/// A metric that was described keeps its kind and its words; one that was not gets those of how it was made. Labels are
/// bounded: a metric has at most ``mostSeries`` rows, and further ones are counted nowhere. Durations and aggregated
/// recordings become a count and a sum.
package final class MetricsRegistry: MetricsFactory {
    package struct Description: Sendable {
        var name: String
        var kind: Exposition.Kind
        var help: String

        package init(_ name: String, _ kind: Exposition.Kind, _ help: String) {
            self.name = name
            self.kind = kind
            self.help = help
        }
    }

    private struct Metric {
        var description: Description
        var series: [[String: String]: Series] = [:]
    }

    package static let mostSeries = 100

    private let metrics = Mutex<[String: Metric]>([:])
    private let descriptions: [String: Description]

    package init(_ descriptions: [Description] = []) {
        self.descriptions = Dictionary(descriptions.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Prometheus text 0.0.4, with what the kernel knows of the process.
    package func render() -> String {
        var text = Exposition()
        let all = metrics.withLock { $0.values.sorted { $0.description.name < $1.description.name } }
        for metric in all {
            let (name, help) = (metric.description.name, metric.description.help)
            let rows = metric.series.map { ($0.key, $0.value.value) }
                .sorted { $0.0.sorted { $0 < $1 }.description < $1.0.sorted { $0 < $1 }.description }
            text.metric(name, metric.description.kind, help, rows)
        }
        ProcessMetrics.write(to: &text)
        return text.body
    }

    private func series(_ label: String, _ dimensions: [(String, String)], _ kind: Exposition.Kind) -> Series {
        let name = Self.name(label)
        let labels = Dictionary(dimensions.map { (Self.name($0.0), $0.1) }) { $1 }
        return metrics.withLock { metrics in
            let description = descriptions[name] ?? Description(name, kind, "\(name).")
            var metric = metrics[name] ?? Metric(description: description)
            defer { metrics[name] = metric }
            if let known = metric.series[labels] { return known }
            let made = Series()
            if metric.series.count < Self.mostSeries { metric.series[labels] = made }
            return made
        }
    }

    /// Letters, digits and underscores, none of the digits first.
    private static func name(_ text: String) -> String {
        let plain = String(
            text.unicodeScalars.map { scalar in
                let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil)
                return isPlain || scalar == "_" ? Character(scalar) : "_"
            })
        return plain.first.map { $0.isNumber ? "_" + plain : plain } ?? "_"
    }

    // MARK: - MetricsFactory

    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, .counter)
    }
    package func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, .counter)
    }
    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, .gauge)
    }
    package func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return Gauge(series: series(label, dimensions, .gauge)) }
        return Sum(
            sum: series(label + "_sum", dimensions, .counter), count: series(label + "_count", dimensions, .counter))
    }
    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        Sum(
            sum: series(label + "_sum", dimensions, .counter), count: series(label + "_count", dimensions, .counter))
    }

    // Every row stays as long as the process does: a counter that is made again goes on where it was.
    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}

/// One row of a metric.
private final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler {
    private let number = Mutex(0.0)

    var value: Double { number.withLock { $0 } }

    func increment(by amount: Int64) { add(Double(amount)) }
    func increment(by amount: Double) { add(amount) }
    func decrement(by amount: Double) { add(-amount) }
    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { number.withLock { $0 = value } }
    func reset() { number.withLock { $0 = 0 } }
    private func add(_ amount: Double) { number.withLock { $0 += amount } }
}

/// The last value of many.
private final class Gauge: RecorderHandler {
    private let series: Series
    init(series: Series) { self.series = series }
    func record(_ value: Int64) { series.set(value) }
    func record(_ value: Double) { series.set(value) }
}

/// How many values there were, and what they are together; seconds where they are durations.
private final class Sum: RecorderHandler, TimerHandler {
    private let sum: Series
    private let count: Series

    init(sum: Series, count: Series) {
        self.sum = sum
        self.count = count
    }

    func record(_ value: Int64) { record(Double(value)) }
    func record(_ value: Double) {
        sum.increment(by: value)
        count.increment(by: Int64(1))
    }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
}

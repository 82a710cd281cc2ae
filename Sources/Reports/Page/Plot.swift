import Foundation

/// Lines or marks over two labelled axes as SVG, with a key when there are several.
struct Plot {
    struct Line {
        var name: String
        var points: [(Double, Double)]
        /// Points that are not joined: their order is no order of the axis.
        var isScattered: Bool

        init(_ name: String, _ points: [(Double, Double)], isScattered: Bool = false) {
            self.name = name
            self.points = points.filter { $0.0.isFinite && $0.1.isFinite }
            self.isScattered = isScattered
        }
    }

    private static let colours = ["#2a7de1", "#e1832a", "#2aa35b", "#a14fd1", "#888"]
    private static let (left, right, top, bottom) = (52.0, 302.0, 12.0, 130.0)

    let title: String
    let lines: [Line]
    private let x: String
    private let y: String

    /// - Parameters:
    ///   - x: what the horizontal axis is, with its unit.
    ///   - y: of the vertical one.
    init(_ title: String, _ lines: [Line], x: String, y: String) {
        self.title = title
        self.lines = lines.filter { !$0.points.isEmpty }
        self.x = x
        self.y = y
    }

    /// Empty when there is nothing to draw: one point is no curve.
    var svg: String {
        guard lines.contains(where: { $0.points.count > 1 }) else { return "" }
        let all = lines.flatMap(\.points)
        let horizontal = Axis(all.map(\.0), from: Self.left, to: Self.right)
        let vertical = Axis(all.map(\.1), from: Self.bottom, to: Self.top)
        let drawn = lines.enumerated().map { index, line in
            let places = line.points.map { (horizontal.place($0.0), vertical.place($0.1)) }
            let colour = Self.colour(index)
            let marks = places.map {
                String(format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\" fill=\"\(colour)\"/>", $0.0, $0.1)
            }
            if line.isScattered { return marks.joined() }
            let points = places.map { String(format: "%.1f,%.1f", $0.0, $0.1) }.joined(separator: " ")
            return "<polyline stroke=\"\(colour)\" points=\"\(points)\"/>" + (places.count < 20 ? marks.joined() : "")
        }
        let name = HTMLReport.escape(title)
        return """
            <figure><figcaption>\(name)</figcaption><svg viewBox="0 0 310 166" role="img" aria-label="\(name)">
            <line x1="52" y1="130" x2="302" y2="130"/><line x1="52" y1="12" x2="52" y2="130"/>
            \(ticks(horizontal, vertical))
            <text x="177" y="160" text-anchor="middle" class="axis">\(HTMLReport.escape(x))</text>
            <text x="10" y="71" text-anchor="middle" class="axis" transform="rotate(-90 10 71)">\(HTMLReport.escape(y))</text>
            \(drawn.joined())</svg>\(key)</figure>
            """
    }

    private func ticks(_ horizontal: Axis, _ vertical: Axis) -> String {
        let anchors = ["start", "middle", "end"]
        let below = zip(horizontal.ticks, anchors).map { value, anchor in
            String(format: "<text x=\"%.1f\" y=\"143\" text-anchor=\"\(anchor)\">", horizontal.place(value))
                + "\(Rounded.tick(value))</text>"
        }
        let beside = vertical.ticks.map { value in
            String(format: "<text x=\"48\" y=\"%.1f\" text-anchor=\"end\">", vertical.place(value) + 3)
                + "\(Rounded.tick(value))</text>"
        }
        return (below + beside).joined()
    }

    private var key: String {
        guard lines.count > 1 else { return "" }
        let names = lines.enumerated().map { index, line in
            "<span style=\"color:\(Self.colour(index))\">\(HTMLReport.escape(line.name))</span>"
        }
        return "<div class=\"key\">\(names.joined(separator: " "))</div>"
    }

    private static func colour(_ index: Int) -> String { colours[index % colours.count] }
}

/// From values to places in the picture.
private struct Axis {
    let low: Double
    let high: Double
    let from: Double
    let to: Double

    init(_ values: [Double], from: Double, to: Double) {
        low = values.min() ?? 0
        high = values.max() ?? 0
        self.from = from
        self.to = to
    }

    func place(_ value: Double) -> Double { from + (value - low) / max(high - low, 1e-9) * (to - from) }

    var ticks: [Double] { [low, (low + high) / 2, high] }
}

extension Rounded {
    /// Of an axis; a value that only rounding keeps from 0 is shown as 0.
    static func tick(_ value: Double) -> String { String(format: "%.3g", abs(value) < 1e-6 ? 0 : value) }
}

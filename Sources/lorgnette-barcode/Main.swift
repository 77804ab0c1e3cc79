import ExpertKit

@main struct Main {
    static func main() { ExpertMain.run(BarcodeExpert.self) }
}

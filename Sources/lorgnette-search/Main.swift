import ExpertKit

@main struct Main {
    static func main() { ExpertMain.run(SearchExpert.self) }
}

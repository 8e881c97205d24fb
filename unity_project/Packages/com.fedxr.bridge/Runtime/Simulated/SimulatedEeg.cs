using UnityEngine;

namespace Fedxr
{
    /// <summary>Electrodes over the back of the head, simulated: they show <c>intent</c> by the
    /// flicker of the button looked at, and <c>workload</c>. Channel <c>eeg/…</c>, volts.</summary>
    [AddComponentMenu("fedxr/Simulated EEG")]
    public sealed class SimulatedEeg : SimulatedSensor
    {
        const string Key = "eeg";

        /// <summary>256 samples a second.</summary>
        public SimulatedEeg() : base("eeg", 256, "queue 1024")
        {
        }

        /// <inheritdoc/>
        public override string Layout => Person.Scenario.Simulated(Key).Text("layout");

        /// <inheritdoc/>
        protected override Signal Make(Scenario scenario, IStates states, Noise noise) =>
            new EegSignal(scenario.Simulated(Key), states, noise, RateHz);
    }
}

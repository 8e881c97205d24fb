using UnityEngine;

namespace Fedxr
{
    /// <summary>A probe held to a machine, simulated: how the impulses ring tells its wear
    /// (<c>warning</c>). Channel <c>contact/vibration</c>, m/s^2.</summary>
    [AddComponentMenu("fedxr/Simulated Probe")]
    public sealed class SimulatedProbe : SimulatedSensor
    {
        /// <summary>2000 samples a second.</summary>
        public SimulatedProbe() : base("probe", 2000, "queue 8192")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "contact/vibration";

        /// <inheritdoc/>
        protected override Signal Make(Scenario scenario, IStates states, Noise noise) =>
            new MachineSignal(scenario.Simulated("machine"), states, noise, RateHz, false);
    }
}

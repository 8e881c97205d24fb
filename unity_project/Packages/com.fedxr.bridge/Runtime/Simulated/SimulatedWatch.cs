using UnityEngine;

namespace Fedxr
{
    /// <summary>A watch on the wrist, simulated: it shows what somebody is <c>doing</c>. Channel
    /// <c>motion/wrist</c>: acceleration with gravity (m/s^2), angular rate (rad/s).</summary>
    [AddComponentMenu("fedxr/Simulated Watch")]
    public sealed class SimulatedWatch : SimulatedSensor
    {
        /// <summary>100 samples a second.</summary>
        public SimulatedWatch() : base("wrist", 100, "queue 256")
        {
        }

        /// <inheritdoc/>
        public override string Layout => "motion/wrist";

        /// <inheritdoc/>
        protected override Signal Make(Scenario scenario, IStates states, Noise noise) =>
            new WatchSignal(scenario.Simulated("movement"), states, noise, RateHz);
    }
}

using UnityEngine;

namespace Fedxr
{
    /// <summary>What of the body is measured.</summary>
    public enum Organ
    {
        /// <summary>Conductance of the skin, siemens; 4 a second.</summary>
        Skin,

        /// <summary>Heart beats per second; 2 a second.</summary>
        Heart,

        /// <summary>Breaths per second; 2 a second.</summary>
        Breath,

        /// <summary>Temperature of the skin, kelvin; 4 a second.</summary>
        Temperature
    }

    /// <summary>One channel of a physiology watch, simulated: it shows <c>tension</c> and
    /// <c>engagement</c>. Channels <c>physiology/…</c>; use one component per organ, and give each
    /// its channel name and rate.</summary>
    [AddComponentMenu("fedxr/Simulated Organ")]
    public sealed class SimulatedOrgan : SimulatedSensor
    {
        [Tooltip("What is measured. Skin and temperature: 4 Hz; heart and breath: 2 Hz.")]
        [SerializeField] Organ organ;

        /// <summary>Skin, 4 samples a second.</summary>
        public SimulatedOrgan() : base("eda", 4)
        {
        }

        /// <inheritdoc/>
        public override string Layout
        {
            get
            {
                switch (organ)
                {
                    case Organ.Heart: return "physiology/heart-rate";
                    case Organ.Breath: return "physiology/respiration";
                    case Organ.Temperature: return "physiology/temperature";
                    default: return "physiology/eda";
                }
            }
        }

        /// <inheritdoc/>
        protected override Signal Make(Scenario scenario, IStates states, Noise noise)
        {
            switch (organ)
            {
                case Organ.Heart: return new HeartSignal(scenario.Simulated("heart_rate"), states, noise);
                case Organ.Breath:
                    return new BreathSignal(scenario.Simulated("respiration"), states, noise, RateHz);
                case Organ.Temperature:
                    return new TemperatureSignal(scenario.Simulated("temperature"), states, noise, RateHz);
                default: return new SkinSignal(scenario.Simulated("eda"), states, noise, RateHz);
            }
        }
    }
}

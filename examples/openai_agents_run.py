from agents import Agent, InputGuardrailTripwireTriggered, RunConfig, Runner

from guard.integrations.openai_agents import norm_filter, norm_guardrail

guide = Agent(
    name="guide",
    instructions="You are a travel guide.",
    model="gpt-4o-mini",
    input_guardrails=[norm_guardrail()],  # stops what the policy says to block
)
config = RunConfig(call_model_input_filter=norm_filter(), tracing_disabled=True)  # advises and rewrites
try:
    result = Runner.run_sync(guide, "Is a wall clock a nice gift for my host in Shanghai?", run_config=config)
    print(result.final_output)
except InputGuardrailTripwireTriggered as stopped:
    print(stopped.guardrail_result.output.output_info.message)
